// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Bonds} from "./Bonds.sol";
import {GrailToken} from "./GrailToken.sol";
import {NeuronRegistry} from "./NeuronRegistry.sol";
import {PauseSwitch} from "./PauseSwitch.sol";
import {RewardPolicy} from "./RewardPolicy.sol";
import {RolloutLedger} from "./RolloutLedger.sol";
import {StakeVault} from "./StakeVault.sol";
import {Commitment, Commitments} from "./libraries/Commitments.sol";
import {Errors} from "./libraries/Errors.sol";
import {Events} from "./libraries/Events.sol";
import {Keys} from "./libraries/Keys.sol";
import {Leaf, RolloutLeaf} from "./libraries/Leaf.sol";

/// @notice Why somebody was convicted. Derivation, Duplicate and Equivocation the court sees itself, Withheld too when
///         a demand passes unanswered; the others, and a blob that nobody can fetch, are for a jury.
enum Fault {
    None,
    Derivation,
    Duplicate,
    Replay,
    Reward,
    Structure,
    Equivocation,
    Withheld
}

/// @title What the contract can judge by itself: wrong derivation, duplicate, equivocation, withheld openings. And the
///        sentence, for the jury's convictions too.
/// @dev One conviction per miner and window, whatever the number of offences: nobody is slashed twice for one.
contract FaultCourt is Bonds {
    using SafeERC20 for IERC20;

    struct Demand {
        address miner;
        uint64 window;
        uint32 group;
        uint32 index;
        address demander;
        uint64 deadline;
        uint128 bond;
        bool closed;
    }

    uint256 private constant BPS = 10_000;

    NeuronRegistry public immutable registry;
    StakeVault public immutable vault;
    RolloutLedger public immutable ledger;
    address public immutable jury;
    address public immutable treasury;
    Demand[] private demands;
    mapping(uint64 window => mapping(address miner => bool)) public convicted;
    mapping(bytes32 place => bool) public demanded;

    struct Wiring {
        address timelock;
        GrailToken token;
        RewardPolicy policy;
        PauseSwitch pauseSwitch;
        NeuronRegistry registry;
        StakeVault vault;
        RolloutLedger ledger;
        address jury;
        address treasury;
    }

    constructor(Wiring memory w) Bonds(w.timelock, w.token, w.policy, w.pauseSwitch) {
        if (w.treasury == address(0)) revert Errors.ZeroAddress();
        registry = w.registry;
        vault = w.vault;
        ledger = w.ledger;
        jury = w.jury;
        treasury = w.treasury;
    }

    // Proofs

    /// @notice Proves that a committed leaf is not what the beacon mandates. The leaf may name another window or
    ///         miner than the commitment, which is itself the fault.
    function proveDerivationFault(Commitment calldata c, RolloutLeaf calldata leaf, bytes32[] calldata proof) external {
        ledger.requireCommitted(c);
        _requireLeaf(c.root, leaf, proof);
        if (!_wronglyDerived(c, leaf)) revert Errors.NoFault();
        _convict(c.window, c.miner, Fault.Derivation, msg.sender);
    }

    /// @notice Proves that one place of a submission holds two different leaves.
    function proveDuplicate(
        Commitment calldata c,
        RolloutLeaf calldata a,
        bytes32[] calldata proofA,
        RolloutLeaf calldata b,
        bytes32[] calldata proofB
    ) external {
        ledger.requireCommitted(c);
        _requireLeaf(c.root, a, proofA);
        _requireLeaf(c.root, b, proofB);
        bool samePlace = a.group == b.group && a.index == b.index;
        if (!samePlace || Leaf.digest(a) == Leaf.digest(b)) revert Errors.NoFault();
        _convict(c.window, c.miner, Fault.Duplicate, msg.sender);
    }

    /// @notice Proves that a miner's hotkey signed two commitments for one window (EIP-712), or one that is not what
    ///         the miner committed on chain: then `signatureA` is empty. Rotating the hotkey does not help.
    function proveEquivocation(
        Commitment calldata a,
        bytes calldata signatureA,
        Commitment calldata b,
        bytes calldata signatureB
    ) external {
        if (a.window != b.window || a.miner != b.miner) revert Errors.NoFault();
        if (Commitments.digest(a) == Commitments.digest(b)) revert Errors.NoFault();
        if (signatureA.length == 0) ledger.requireCommitted(a);
        else _requireSigned(a, signatureA);
        _requireSigned(b, signatureB);
        _convict(a.window, a.miner, Fault.Equivocation, msg.sender);
    }

    // Openings

    /// @notice Demands that a miner shows one rollout of its submission in full, on chain. Costs a bond, which goes to
    ///         the miner when it answers.
    function demandOpening(Commitment calldata c, uint32 group, uint32 index) external returns (uint256 id) {
        ledger.requireCommitted(c);
        uint256 latest = ledger.startOf(c.window + 1) + policy.get("accusation_horizon_blocks");
        if (block.number > latest) revert Errors.TooLate(block.number, latest);
        uint256 size = policy.valueAt("group_size", ledger.startOf(c.window));
        if (group >= c.groups || index >= size) revert Errors.NoSuchPlace(group, index);
        bytes32 place = keccak256(abi.encode(c.window, c.miner, group, index));
        if (demanded[place]) revert Errors.AlreadyDemanded(group, index);
        demanded[place] = true;
        uint128 bond = uint128(policy.get("opening_bond"));
        uint64 deadline = uint64(pauseSwitch.clock() + policy.get("opening_blocks"));
        id = demands.length;
        demands.push(Demand(c.miner, c.window, group, index, msg.sender, deadline, bond, false));
        _take(msg.sender, bond);
        emit Events.OpeningDemanded(id, c.window, c.miner, group, index, deadline);
    }

    /// @notice Answers a demand: the leaf with its path, and the bytes that its hashes stand for. Anyone may answer.
    /// @param tokens little-endian int32, `logprobs` and `sketch` little-endian float16
    function answerOpening(
        uint256 id,
        Commitment calldata c,
        RolloutLeaf calldata leaf,
        bytes32[] calldata proof,
        bytes calldata tokens,
        bytes calldata logprobs,
        bytes calldata sketch
    ) external {
        pauseSwitch.requireRunning();
        Demand storage d = _openDemand(id);
        if (c.window != d.window || c.miner != d.miner) revert Errors.NoSuchPlace(leaf.group, leaf.index);
        ledger.requireCommitted(c);
        _requireLeaf(c.root, leaf, proof);
        if (leaf.group != d.group || leaf.index != d.index) revert Errors.NoSuchPlace(leaf.group, leaf.index);
        bool whole = keccak256(tokens) == leaf.tokensHash && keccak256(logprobs) == leaf.logprobsHash
            && keccak256(sketch) == leaf.proofHash;
        if (!whole) revert Errors.BadProof();
        d.closed = true;
        _give(d.miner, d.bond);
        emit Events.OpeningAnswered(id, tokens, logprobs, sketch);
    }

    /// @notice Convicts a miner that let a demand pass unanswered. Anyone may call; the demander is paid.
    function closeOpening(uint256 id) external {
        pauseSwitch.requireRunning();
        Demand storage d = _openDemand(id);
        if (pauseSwitch.clock() <= d.deadline) revert Errors.TooEarly(pauseSwitch.clock(), d.deadline + 1);
        d.closed = true;
        _give(d.demander, d.bond);
        if (!convicted[d.window][d.miner]) _convict(d.window, d.miner, Fault.Withheld, d.demander);
    }

    // Sentence

    /// @notice Carries out the jury's conviction; jury only. Nothing happens when the miner was convicted already.
    function convict(uint64 window, address miner, Fault kind, address accuser) external {
        if (msg.sender != jury) revert Errors.Unauthorized(msg.sender);
        if (!convicted[window][miner]) _convict(window, miner, kind, accuser);
    }

    /// @notice One demand.
    function demandOf(uint256 id) external view returns (Demand memory) {
        if (id >= demands.length) revert Errors.UnknownCase(id);
        return demands[id];
    }

    /// @notice Number of demands so far.
    function demandCount() external view returns (uint256) {
        return demands.length;
    }

    function _convict(uint64 window, address miner, Fault kind, address accuser) private {
        pauseSwitch.requireRunning();
        if (convicted[window][miner]) revert Errors.AlreadyConvicted(window, miner);
        convicted[window][miner] = true;
        uint256 slashed = vault.slash(miner, vault.slashableStake(miner) * policy.get("slash_bps") / BPS);
        registry.jail(miner);
        uint256 toAccuser = slashed * policy.get("slash_accuser_bps") / BPS;
        uint256 toBurn = slashed * policy.get("slash_burn_bps") / BPS;
        emit Events.FaultProven(window, miner, uint8(kind), accuser, slashed);
        IERC20(address(token)).safeTransfer(accuser, toAccuser);
        token.burn(toBurn);
        IERC20(address(token)).safeTransfer(treasury, slashed - toAccuser - toBurn);
    }

    function _wronglyDerived(Commitment calldata c, RolloutLeaf calldata leaf) private view returns (bool) {
        if (leaf.window != c.window || leaf.miner != c.miner) return true;
        if (leaf.checkpointVersion != c.checkpointVersion) return true;
        uint256 start = ledger.startOf(c.window);
        if (leaf.group >= c.groups || leaf.index >= policy.valueAt("group_size", start)) return true;
        if (leaf.finish > 1 || leaf.nTokens == 0) return true;
        bytes32 problem = Keys.problemKey(ledger.beaconOf(c.window), c.miner, leaf.group);
        return leaf.envId != policy.environmentOf(problem, start);
    }

    /// @dev The hotkey that was in charge when the window began, or now: an honest miner signs with no other.
    function _requireSigned(Commitment calldata c, bytes calldata signature) private view {
        address signer = ledger.signerOf(c, signature);
        bool then_ = signer == registry.hotkeyAt(c.miner, ledger.startOf(c.window));
        if (signer == address(0) || (!then_ && signer != registry.hotkeyOf(c.miner))) revert Errors.NotSigned(c.miner);
    }

    function _requireLeaf(bytes32 root, RolloutLeaf calldata leaf, bytes32[] calldata proof) private pure {
        if (!MerkleProof.verifyCalldata(proof, root, Leaf.digest(leaf))) revert Errors.BadProof();
    }

    function _openDemand(uint256 id) private view returns (Demand storage d) {
        if (id >= demands.length) revert Errors.UnknownCase(id);
        d = demands[id];
        if (d.closed) revert Errors.AlreadyResolved(id);
    }
}
