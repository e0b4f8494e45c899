// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {GrailToken} from "./GrailToken.sol";
import {NeuronRegistry, Role} from "./NeuronRegistry.sol";
import {RewardPolicy} from "./RewardPolicy.sol";
import {RolloutLedger} from "./RolloutLedger.sol";
import {Errors} from "./libraries/Errors.sol";
import {Events} from "./libraries/Events.sol";
import {Keys} from "./libraries/Keys.sol";
import {Leaf, RolloutLeaf} from "./libraries/Leaf.sol";

/// @title Faults: the contract judges what it can recompute; validators' stake judges what needs a model.
/// @dev One conviction per miner and window, whatever the number of offences: nobody is slashed twice for one.
contract FaultCourt {
    using SafeERC20 for IERC20;

    enum Kind {
        None,
        Derivation,
        Duplicate,
        Replay,
        Reward,
        Structure
    }

    struct Accusation {
        uint64 window;
        address accused;
        address accuser;
        Kind kind;
        bytes32 evidence;
        uint64 deadline;
        uint128 bond;
        uint128 guilty;
        uint128 innocent;
        bool resolved;
        bool convicted;
    }

    uint256 private constant BPS = 10_000;

    GrailToken public immutable token;
    RewardPolicy public immutable policy;
    NeuronRegistry public immutable registry;
    RolloutLedger public immutable ledger;
    address public immutable treasury;
    Accusation[] private accusations;
    mapping(uint256 accusation => mapping(address juror => bool)) public voted;
    mapping(uint64 window => mapping(address miner => bool)) public convicted;
    mapping(uint64 window => mapping(address miner => bool)) public accused;

    constructor(
        GrailToken token_,
        RewardPolicy policy_,
        NeuronRegistry registry_,
        RolloutLedger ledger_,
        address treasury_
    ) {
        if (treasury_ == address(0)) revert Errors.ZeroAddress();
        token = token_;
        policy = policy_;
        registry = registry_;
        ledger = ledger_;
        treasury = treasury_;
    }

    /// @notice Proves that a committed leaf is not what the beacon mandates; judged here, no jury.
    /// @param window window of the commitment; the leaf may name another, which is itself the fault
    function proveDerivationFault(uint64 window, address miner, RolloutLeaf calldata leaf, bytes32[] calldata proof)
        external
    {
        RolloutLedger.Commitment memory entry = _committed(window, miner);
        _requireLeaf(entry.root, leaf, proof);
        if (!_wronglyDerived(window, miner, entry, leaf)) revert Errors.NoFault();
        _convict(window, miner, Kind.Derivation, msg.sender);
    }

    /// @notice Proves that one place of a submission holds two different leaves.
    function proveDuplicate(
        uint64 window,
        address miner,
        RolloutLeaf calldata a,
        bytes32[] calldata proofA,
        RolloutLeaf calldata b,
        bytes32[] calldata proofB
    ) external {
        RolloutLedger.Commitment memory entry = _committed(window, miner);
        _requireLeaf(entry.root, a, proofA);
        _requireLeaf(entry.root, b, proofB);
        bool samePlace = a.group == b.group && a.index == b.index;
        if (!samePlace || Leaf.digest(a) == Leaf.digest(b)) revert Errors.NoFault();
        _convict(window, miner, Kind.Duplicate, msg.sender);
    }

    /// @notice A validator accuses a miner of what only a model or a grader can show. Counts as its guilty vote.
    /// @param kind Replay, Reward or Structure
    /// @param evidence keccak-256 of the evidence in the object store: which leaves, which numbers
    function accuse(uint64 window, address miner, Kind kind, bytes32 evidence) external returns (uint256 id) {
        if (kind < Kind.Replay) revert Errors.NotNumeric(uint8(kind));
        if (!registry.isActive(msg.sender, Role.Validator)) revert Errors.NotActive(msg.sender);
        _committed(window, miner);
        if (accused[window][miner]) revert Errors.AlreadyAccused(window, miner);
        uint256 latest = ledger.startOf(window + 1) + policy.get("accusation_horizon_blocks");
        if (block.number > latest) revert Errors.TooLate(block.number, latest);
        accused[window][miner] = true;
        uint128 bond = uint128(policy.get("accusation_bond"));
        uint64 deadline = uint64(block.number + policy.get("accusation_vote_blocks"));
        id = accusations.length;
        accusations.push(Accusation(window, miner, msg.sender, kind, evidence, deadline, bond, 0, 0, false, false));
        IERC20(address(token)).safeTransferFrom(msg.sender, address(this), bond);
        emit Events.Accused(id, window, miner, msg.sender, uint8(kind), evidence, deadline);
        _vote(id, true);
    }

    /// @notice A validator's verdict after its own audit of the accused submission.
    function vote(uint256 id, bool guilty) external {
        if (!registry.isActive(msg.sender, Role.Validator)) revert Errors.NotActive(msg.sender);
        Accusation storage a = _accusation(id);
        if (a.resolved) revert Errors.AlreadyResolved(id);
        if (block.number > a.deadline) revert Errors.TooLate(block.number, a.deadline);
        _vote(id, guilty);
    }

    /// @notice Closes an accusation that a majority has decided, or whose time is up. Anyone may.
    function resolve(uint256 id) external {
        Accusation storage a = _accusation(id);
        if (a.resolved) revert Errors.AlreadyResolved(id);
        uint256 total = registry.activeStake(Role.Validator);
        bool guilty = uint256(a.guilty) * 2 > total;
        bool innocent = uint256(a.innocent) * 2 >= total;
        if (!guilty && !innocent && block.number <= a.deadline) revert Errors.NotDecided(id);
        a.resolved = true;
        a.convicted = guilty;
        if (!guilty && innocent) _forfeitBond(a);
        else IERC20(address(token)).safeTransfer(a.accuser, a.bond);
        if (guilty && !convicted[a.window][a.accused]) _convict(a.window, a.accused, a.kind, a.accuser);
        emit Events.Resolved(id, guilty);
    }

    /// @notice One accusation.
    function accusationOf(uint256 id) external view returns (Accusation memory) {
        return _accusation(id);
    }

    /// @notice Number of accusations so far.
    function accusationCount() external view returns (uint256) {
        return accusations.length;
    }

    function _vote(uint256 id, bool guilty) private {
        if (voted[id][msg.sender]) revert Errors.AlreadyVoted(id, msg.sender);
        voted[id][msg.sender] = true;
        uint128 stake = uint128(registry.stakeOf(msg.sender));
        if (guilty) accusations[id].guilty += stake;
        else accusations[id].innocent += stake;
        emit Events.Voted(id, msg.sender, guilty, stake);
    }

    /// @dev A refuted accuser pays: half to the accused, half burnt. Where nobody decided, nobody pays.
    function _forfeitBond(Accusation storage a) private {
        uint256 half = a.bond / 2;
        IERC20(address(token)).safeTransfer(a.accused, half);
        token.burn(a.bond - half);
    }

    function _convict(uint64 window, address miner, Kind kind, address accuser) private {
        if (convicted[window][miner]) revert Errors.AlreadyConvicted(window, miner);
        convicted[window][miner] = true;
        uint256 amount = registry.slashableStake(miner) * policy.get("slash_bps") / BPS;
        uint256 slashed = registry.slash(miner, amount);
        registry.jail(miner);
        uint256 toAccuser = slashed * policy.get("slash_accuser_bps") / BPS;
        uint256 toBurn = slashed * policy.get("slash_burn_bps") / BPS;
        IERC20(address(token)).safeTransfer(accuser, toAccuser);
        token.burn(toBurn);
        IERC20(address(token)).safeTransfer(treasury, slashed - toAccuser - toBurn);
        emit Events.FaultProven(window, miner, uint8(kind), accuser, slashed);
    }

    function _wronglyDerived(
        uint64 window,
        address miner,
        RolloutLedger.Commitment memory entry,
        RolloutLeaf calldata leaf
    ) private view returns (bool) {
        if (leaf.window != window || leaf.miner != miner) return true;
        if (leaf.checkpointVersion != entry.checkpointVersion) return true;
        uint256 start = ledger.startOf(window);
        if (leaf.group >= entry.groups || leaf.index >= policy.valueAt("group_size", start)) return true;
        if (leaf.finish > 1 || leaf.nTokens == 0) return true;
        bytes32 problem = Keys.problemKey(ledger.beaconOf(window), miner, leaf.group);
        return leaf.envId != policy.environmentOf(problem, start);
    }

    function _committed(uint64 window, address miner) private view returns (RolloutLedger.Commitment memory entry) {
        entry = ledger.commitmentOf(window, miner);
        if (entry.root == 0) revert Errors.NoCommitment(window, miner);
    }

    function _requireLeaf(bytes32 root, RolloutLeaf calldata leaf, bytes32[] calldata proof) private pure {
        if (!MerkleProof.verifyCalldata(proof, root, Leaf.digest(leaf))) revert Errors.BadProof();
    }

    function _accusation(uint256 id) private view returns (Accusation storage) {
        if (id >= accusations.length) revert Errors.UnknownAccusation(id);
        return accusations[id];
    }
}
