// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {GrailToken} from "./GrailToken.sol";
import {Governed} from "./Governed.sol";
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
import {Entry, SumTree} from "./libraries/SumTree.sol";
import {Schedule, Timing} from "./libraries/Schedule.sol";

/// @notice Why somebody was convicted. Derivation, Duplicate and Equivocation the court sees itself; the others, and a
///         blob that nobody can fetch (Withheld), are for a jury; so is a validator's audit that was not made, or whose
///         verdict what it read refutes (Audit), and one that cannot be shown (HiddenAudit).
enum Fault {
    None,
    Derivation,
    Duplicate,
    Replay,
    Reward,
    Structure,
    Equivocation,
    Withheld,
    Audit,
    HiddenAudit
}

/// @title What the contract can judge by itself: wrong derivation, duplicate, equivocation. And the sentence, for the
///        jury's convictions too.
/// @dev Only who committed work or scores in a window can be convicted for it, once, whatever the number of offences. The sentence is
///      that of the window's own policy. The accuser is paid out of what the accused's owner itself loses, and always
///      less than that: so nobody gains by convicting oneself, whoever else has stake in the pool.
contract FaultCourt is Governed {
    using SafeERC20 for IERC20;
    using Schedule for Timing;

    uint256 private constant BPS = 10_000;
    uint256 private constant MILLI = 1_000;

    GrailToken public immutable token;
    RewardPolicy public immutable policy;
    PauseSwitch public immutable pauseSwitch;
    NeuronRegistry public immutable registry;
    StakeVault public immutable vault;
    RolloutLedger public immutable ledger;
    address public immutable jury;
    address public immutable treasury;
    /// @notice Block at which a neuron was convicted for a window; zero when it was not.
    mapping(uint64 window => mapping(address neuron => uint256)) public convictedAt;
    /// @notice How many neurons were convicted for a window so far.
    mapping(uint64 window => uint256) public convictions;

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

    constructor(Wiring memory w) Governed(w.timelock) {
        if (w.treasury == address(0)) revert Errors.ZeroAddress();
        token = w.token;
        policy = w.policy;
        pauseSwitch = w.pauseSwitch;
        registry = w.registry;
        vault = w.vault;
        ledger = w.ledger;
        jury = w.jury;
        treasury = w.treasury;
    }

    // Proofs

    /// @notice Proves that a committed leaf is not what the beacon mandates. The leaf may name another window or
    ///         miner than the commitment, or be given another worth than its tokens have: each is itself the fault.
    /// @param size leaves of the submission's tree, `entry` the leaf in it: key is its digest, value its worth
    function proveDerivationFault(Commitment calldata c, RolloutLeaf calldata leaf, uint32 size, Entry calldata entry)
        external
    {
        ledger.requireCommitted(c);
        _requireLeaf(c, leaf, size, entry);
        if (!_wronglyDerived(c, leaf, entry.value)) revert Errors.NoFault();
        _convict(c.window, c.miner, Fault.Derivation, msg.sender);
    }

    /// @notice Proves that one place of a submission holds two different leaves.
    function proveDuplicate(
        Commitment calldata c,
        uint32 size,
        RolloutLeaf calldata a,
        Entry calldata entryA,
        RolloutLeaf calldata b,
        Entry calldata entryB
    ) external {
        ledger.requireCommitted(c);
        _requireLeaf(c, a, size, entryA);
        _requireLeaf(c, b, size, entryB);
        bool samePlace = a.group == b.group && a.index == b.index;
        if (!samePlace || entryA.key == entryB.key) revert Errors.NoFault();
        _convict(c.window, c.miner, Fault.Duplicate, msg.sender);
    }

    /// @notice Proves that a submission's root is that of a tree with another worth than was committed, or of one that
    ///         does not hold one leaf for each place.
    /// @param top hash of the tree's top node, `worth` its sum
    function proveWrongRoot(Commitment calldata c, uint32 size, bytes32 top, uint256 worth) external {
        ledger.requireCommitted(c);
        if (SumTree.seal(size, top, worth) != c.root) revert Errors.BadProof();
        bool whole = size == c.groups * policy.valueAt("group_size", ledger.startOf(c.window));
        if (whole && worth == c.worth) revert Errors.NoFault();
        _convict(c.window, c.miner, Fault.Derivation, msg.sender);
    }

    /// @notice Proves that a miner's hotkey signed (EIP-712) another commitment than the one that stands on chain.
    /// @param charge a block of the window's commit phase at whose end the signing key was in charge: no rotation
    ///        inside the window helps
    /// @dev Only until the window is over. Later a second signature changes nothing any more, and so a stolen hotkey
    ///      cannot turn honest windows of the past into faults.
    function proveEquivocation(
        Commitment calldata c,
        Commitment calldata other,
        bytes calldata signature,
        uint64 charge
    ) external {
        ledger.requireCommitted(c);
        bool same = Commitments.digest(c) == Commitments.digest(other);
        if (other.window != c.window || other.miner != c.miner || same) revert Errors.NoFault();
        Timing memory t = ledger.schedule();
        uint256 last = t.start(c.window + 1) - 1;
        if (block.number > last) revert Errors.TooLate(block.number, last);
        bool inside = charge >= t.start(c.window) && charge <= t.commitDeadline(c.window);
        address signer = ledger.signerOf(other, signature);
        if (!inside || registry.hotkeyAt(c.miner, charge) != signer) revert Errors.NotSigned(c.miner);
        _convict(c.window, c.miner, Fault.Equivocation, msg.sender);
    }

    // Sentence

    /// @notice Carries out the jury's conviction; jury only. Nothing happens when the neuron was convicted already.
    function convict(uint64 window, address neuron, Fault kind, address accuser) external {
        if (msg.sender != jury) revert Errors.Unauthorized(msg.sender);
        if (!convicted(window, neuron)) _convict(window, neuron, kind, accuser);
    }

    /// @notice Was a neuron convicted for a window?
    function convicted(uint64 window, address neuron) public view returns (bool) {
        return convictedAt[window][neuron] != 0;
    }

    function _convict(uint64 window, address neuron, Fault kind, address accuser) private {
        pauseSwitch.requireRunning();
        if (convicted(window, neuron)) revert Errors.AlreadyConvicted(window, neuron);
        convictedAt[window][neuron] = block.number;
        ++convictions[window];
        uint256 start = ledger.startOf(window);
        uint256 sentence = vault.slashableStake(neuron) * policy.valueAt("slash_bps", start) / BPS;
        (uint256 slashed, uint256 own) = vault.slash(neuron, sentence);
        registry.jail(neuron);
        uint256 toAccuser = own * policy.valueAt("slash_accuser_bps", start) / BPS;
        uint256 toBurn = slashed * policy.valueAt("slash_burn_bps", start) / BPS;
        emit Events.FaultProven(window, neuron, uint8(kind), accuser, slashed);
        IERC20(address(token)).safeTransfer(accuser, toAccuser);
        token.burn(toBurn);
        IERC20(address(token)).safeTransfer(treasury, slashed - toAccuser - toBurn);
    }

    function _wronglyDerived(Commitment calldata c, RolloutLeaf calldata leaf, uint256 worth)
        private
        view
        returns (bool)
    {
        if (leaf.window != c.window || leaf.miner != c.miner) return true;
        if (leaf.checkpointVersion != c.checkpointVersion) return true;
        uint256 start = ledger.startOf(c.window);
        if (leaf.group >= c.groups || leaf.index >= policy.valueAt("group_size", start)) return true;
        if (leaf.finish > 3 || leaf.nTokens == 0 || leaf.turns == 0) return true;
        if (leaf.observedTokens > policy.valueAt("max_observed_tokens", start)) return true;
        bytes32 problem = Keys.problemKey(ledger.beaconOf(c.window), c.miner, leaf.group);
        (bytes32 environment, uint256 reward) = policy.environmentOf(problem, start);
        uint256 observed = leaf.observedTokens * policy.valueAt("observed_milli", start);
        return leaf.envId != environment || worth != reward * (leaf.nTokens * MILLI + observed) / MILLI;
    }

    function _requireLeaf(Commitment calldata c, RolloutLeaf calldata leaf, uint32 size, Entry calldata entry)
        private
        pure
    {
        if (entry.key != uint256(Leaf.digest(leaf))) revert Errors.BadProof();
        SumTree.requireEntry(c.root, c.worth, Commitments.LEAVES, size, entry);
    }

    function _owed(IERC20) internal pure override returns (uint256) {
        return 0;
    }
}
