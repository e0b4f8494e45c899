// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {NeuronRegistry, Role} from "./NeuronRegistry.sol";
import {RewardPool} from "./RewardPool.sol";
import {RewardPolicy} from "./RewardPolicy.sol";
import {RolloutLedger} from "./RolloutLedger.sol";
import {Errors} from "./libraries/Errors.sol";
import {Events} from "./libraries/Events.sol";
import {Schedule, Timing} from "./libraries/Schedule.sol";

/// @title Validators' scores: commit, reveal, and the settlement that they agree on.
/// @dev Every validator computes the settlement from the revealed score sheets and attests its root. A root that more
///      than half of the revealed stake attests is final: the same assumption that the stake-weighted median makes.
contract ScoreBoard {
    using Schedule for Timing;

    struct Reveal {
        bytes32 root;
        bytes32 sheetDigest;
        uint256 stake;
    }

    uint256 private constant BPS = 10_000;

    RewardPolicy public immutable policy;
    NeuronRegistry public immutable registry;
    RolloutLedger public immutable ledger;
    RewardPool public immutable pool;
    mapping(uint64 window => mapping(address validator => bytes32)) public scoreCommit;
    mapping(uint64 window => mapping(address validator => Reveal)) private reveals;
    mapping(uint64 window => address[]) private revealers;
    /// @notice Stake of the validators that revealed, in wei.
    mapping(uint64 window => uint256) public revealedStake;
    mapping(uint64 window => mapping(address validator => bool)) public attested;
    mapping(uint64 window => mapping(bytes32 outcome => uint256)) private support;

    constructor(RewardPolicy policy_, NeuronRegistry registry_, RolloutLedger ledger_, RewardPool pool_) {
        policy = policy_;
        registry = registry_;
        ledger = ledger_;
        pool = pool_;
    }

    /// @notice Commits to a score sheet: keccak256(abi.encode(window, validator, root, sheetDigest, salt)).
    function commitScores(uint64 window, bytes32 commitment) external {
        Timing memory t = ledger.schedule();
        Schedule.requireWithin(t.challengeBlock(window) + 1, t.scoreDeadline(window));
        if (!registry.isActive(msg.sender, Role.Validator)) revert Errors.NotActive(msg.sender);
        if (commitment == 0) revert Errors.EmptyCommitment();
        if (scoreCommit[window][msg.sender] != 0) revert Errors.AlreadyCommitted(window, msg.sender);
        scoreCommit[window][msg.sender] = commitment;
        emit Events.ScoresCommitted(window, msg.sender);
    }

    /// @notice Opens the commitment. The validator's stake of this block is its weight.
    /// @param root Merkle root over the sheet's leaves
    /// @param sheetDigest keccak-256 of the sheet in the object store
    function revealScores(uint64 window, bytes32 root, bytes32 sheetDigest, bytes32 salt) external {
        Timing memory t = ledger.schedule();
        Schedule.requireWithin(t.scoreDeadline(window) + 1, t.revealDeadline(window));
        if (!registry.isActive(msg.sender, Role.Validator)) revert Errors.NotActive(msg.sender);
        if (reveals[window][msg.sender].root != 0) revert Errors.AlreadyRevealed(window, msg.sender);
        bytes32 expected = scoreCommit[window][msg.sender];
        bytes32 got = keccak256(abi.encode(window, msg.sender, root, sheetDigest, salt));
        if (expected != got || root == 0) revert Errors.RevealMismatch(expected, got);
        uint256 stake = registry.stakeOf(msg.sender);
        reveals[window][msg.sender] = Reveal(root, sheetDigest, stake);
        revealers[window].push(msg.sender);
        revealedStake[window] += stake;
        emit Events.ScoresRevealed(window, msg.sender, root, sheetDigest, stake);
    }

    /// @notice Attests the settlement that follows from the revealed sheets; the deciding attestation settles.
    /// @param root Merkle root over the payouts (zero when nobody is paid)
    /// @param total sum of the payouts in wei
    function attestSettlement(uint64 window, bytes32 root, uint256 total) external {
        Timing memory t = ledger.schedule();
        Schedule.requireWithin(t.revealDeadline(window) + 1, type(uint256).max);
        if (pool.isSettled(window)) revert Errors.AlreadySettled(window);
        Reveal storage mine = reveals[window][msg.sender];
        if (mine.root == 0) revert Errors.NotRevealed(window, msg.sender);
        if (attested[window][msg.sender]) revert Errors.AlreadyAttested(window, msg.sender);
        attested[window][msg.sender] = true;
        bytes32 outcome = keccak256(abi.encode(root, total));
        support[window][outcome] += mine.stake;
        emit Events.SettlementAttested(window, msg.sender, root, total);
        if (support[window][outcome] * 2 > revealedStake[window] && _quorum(window)) {
            pool.settle(window, root, total);
            emit Events.WindowSettled(window, root, total);
        }
    }

    /// @notice One validator's reveal; all zero when it made none.
    function revealOf(uint64 window, address validator) external view returns (Reveal memory) {
        return reveals[window][validator];
    }

    /// @notice The validators that revealed, in order of their reveals.
    function revealersOf(uint64 window) external view returns (address[] memory) {
        return revealers[window];
    }

    /// @dev A window with too few reveals pays nobody: its emission is simply never minted.
    function _quorum(uint64 window) private view returns (bool) {
        uint256 needed = policy.valueAt("quorum_bps", ledger.startOf(window)) * registry.activeStake(Role.Validator);
        return revealedStake[window] * BPS >= needed;
    }
}
