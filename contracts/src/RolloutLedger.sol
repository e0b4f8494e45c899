// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {CheckpointRegistry} from "./CheckpointRegistry.sol";
import {DrandBeacon} from "./DrandBeacon.sol";
import {NeuronRegistry} from "./NeuronRegistry.sol";
import {RewardPolicy} from "./RewardPolicy.sol";
import {Role, StakeVault} from "./StakeVault.sol";
import {BlockHashes} from "./libraries/BlockHashes.sol";
import {Commitment, Commitments} from "./libraries/Commitments.sol";
import {Errors} from "./libraries/Errors.sol";
import {Events} from "./libraries/Events.sol";
import {Keys} from "./libraries/Keys.sol";
import {Schedule, Timing} from "./libraries/Schedule.sol";

/// @title Windows, their randomness, the miners' pledges and commitments: one word each; the rest is in the event.
/// @dev A window's two draws of randomness take a block's hash; with beacon_drand, where the chain can check them, also a
///      drand round, in two steps: the first fixes the hash and calls a round that lies ahead, the second brings it. No
///      choice is left after either.
contract RolloutLedger is EIP712 {
    using Checkpoints for Checkpoints.Trace208;
    using Schedule for Timing;

    /// @notice Before work begins; after commitments have ended.
    enum Moment {
        Open,
        Seal
    }

    /// @notice A drand round called for a window; round 0 for none.
    struct Draw {
        bytes32 blockHash;
        uint64 round;
    }

    bytes32 private constant BEACON_DRAND = keccak256("beacon_drand");
    bytes32 private constant BOND_PER_GROUP = keccak256("bond_per_group");
    bytes32 private constant MAX_GROUPS = keccak256("max_groups");
    bytes32 private constant MAX_GROUP_WORTH = keccak256("max_group_worth");

    RewardPolicy public immutable policy;
    NeuronRegistry public immutable registry;
    StakeVault public immutable vault;
    CheckpointRegistry public immutable checkpoints;
    DrandBeacon public immutable drand;
    uint64 private immutable genesis;
    uint64 private immutable windowBlocks;
    uint64 private immutable commitBlocks;
    uint64 private immutable scoreBlocks;
    uint64 private immutable revealBlocks;
    /// @notice Drand rounds that windows wait for.
    mapping(uint64 window => mapping(Moment => Draw)) public drawOf;
    /// @dev A window's beacon, stored by its first commitment or by anyone's open(); the last four bytes, which are zero
    ///      in a beacon, count the window's commitments.
    mapping(uint64 window => bytes32) private opened;
    /// @notice Randomness after the commit deadline, stored by anyone's seal().
    mapping(uint64 window => bytes32) public challengeOf;
    /// @notice A miner's commitment: Commitments.digest but for the last four bytes, which are its number in the
    ///         window, from one; zero when it made none.
    mapping(uint64 window => mapping(address miner => bytes32)) public commitmentOf;
    /// @dev Groups that a miner has pledged, by the window from which on they are.
    mapping(address miner => Checkpoints.Trace208) private pledges;

    constructor(
        RewardPolicy policy_,
        NeuronRegistry registry_,
        StakeVault vault_,
        CheckpointRegistry checkpoints_,
        DrandBeacon drand_,
        Timing memory t
    ) EIP712("Grail", "1") {
        Schedule.check(t);
        policy = policy_;
        registry = registry_;
        vault = vault_;
        checkpoints = checkpoints_;
        drand = drand_;
        (genesis, windowBlocks) = (t.genesis, t.window);
        (commitBlocks, scoreBlocks, revealBlocks) = (t.commit, t.score, t.reveal);
    }

    /// @notice Window timing in blocks.
    function schedule() public view returns (Timing memory) {
        return Timing(genesis, windowBlocks, commitBlocks, scoreBlocks, revealBlocks);
    }

    /// @notice Window of the current block.
    function currentWindow() external view returns (uint64) {
        return schedule().windowOf(block.number);
    }

    /// @notice First block of a window: its parameters are the policy's at this block.
    function startOf(uint64 window) public view returns (uint256) {
        return schedule().start(window);
    }

    /// @notice Commits a miner's whole submission of the current window: once, before the deadline; by its hotkey.
    function commit(Commitment calldata c) external {
        _commit(c, msg.sender);
    }

    /// @notice The same by anyone who holds the hotkey's EIP-712 signature and pays the gas.
    function commitFor(Commitment calldata c, bytes calldata signature) external {
        _commit(c, signerOf(c, signature));
    }

    /// @notice Who signed a commitment for this ledger on this chain; reverts on a malformed or malleable signature.
    function signerOf(Commitment calldata c, bytes calldata signature) public view returns (address) {
        return ECDSA.recover(_hashTypedDataV4(Commitments.digest(c)), signature);
    }

    /// @notice Fixes how many groups the sender's miner delivers a window, from the window after the next on (before
    ///         the first window: from that one on): before any beacon of theirs can be known. Its pay follows from what
    ///         it delivers of them (Pledges); more than that is not paid.
    function pledge(uint32 groups) external {
        (address miner,) = registry.requireWorker(msg.sender, Role.Miner);
        uint64 from = block.number < genesis ? 0 : schedule().windowOf(block.number) + 2;
        pledges[miner].push(uint48(from), groups);
        emit Events.Pledged(miner, from, groups);
    }

    /// @notice Groups that a miner has pledged to deliver in a window.
    function pledgeOf(uint64 window, address miner) external view returns (uint256) {
        return pledges[miner].upperLookupRecent(uint48(window));
    }

    /// @notice Groups a miner may commit in a window that has begun: what the stake covers that it had before the
    ///         beacon could be known, and still has; at most max_groups.
    function groupsAllowed(uint64 window, address miner) public view returns (uint256) {
        uint256 before = startOf(window) - 1;
        return _groupsAllowed(startOf(window), vault.workingStakeSince(miner, Role.Miner, before));
    }

    function _groupsAllowed(uint256 start, uint256 stake) private view returns (uint256) {
        uint256 covered = stake / policy.valueOf(BOND_PER_GROUP, start);
        uint256 most = policy.valueOf(MAX_GROUPS, start);
        return covered < most ? covered : most;
    }

    /// @notice Reverts unless `c` is what its miner committed.
    function requireCommitted(Commitment calldata c) external view {
        numberOf(c);
    }

    /// @notice Number of a commitment in its window, from one, in the order of the chain; reverts unless `c` is what its
    ///         miner committed.
    function numberOf(Commitment calldata c) public view returns (uint256) {
        bytes32 stored = commitmentOf[c.window][c.miner];
        if (stored == 0 || stored >> 32 != Commitments.digest(c) >> 32) revert Errors.NoCommitment(c.window, c.miner);
        return uint32(uint256(stored));
    }

    /// @notice Randomness of a window; zero while it is not open.
    function beaconOf(uint64 window) public view returns (bytes32) {
        return opened[window] >> 32 << 32;
    }

    /// @notice Number of commitments of a window.
    function countOf(uint64 window) external view returns (uint256) {
        return uint32(uint256(opened[window]));
    }

    /// @notice Stores a window's beacon; with beacon_drand it calls the round instead, and openWith() brings it.
    function open(uint64 window) external returns (bytes32 beacon) {
        beacon = beaconOf(window);
        if (beacon != 0) return beacon;
        bytes32 blockHash = BlockHashes.hashOf(startOf(window));
        return _byDrand(window) ? _call(window, Moment.Open, blockHash) : _open(window, blockHash);
    }

    /// @notice Stores a window's beacon from the round that was called for it, whose signature drand has published.
    function openWith(uint64 window, bytes calldata signature) external returns (bytes32 beacon) {
        beacon = beaconOf(window);
        return beacon != 0 ? beacon : _open(window, _mixed(window, Moment.Open, signature));
    }

    /// @notice Stores a window's challenge; with beacon_drand it calls the round instead, and sealWith() brings it.
    ///         Anyone may, also late: then EIP-2935, else the fallback rule, serves.
    function seal(uint64 window) external returns (bytes32 challenge) {
        challenge = challengeOf[window];
        if (challenge != 0) return challenge;
        bytes32 blockHash = BlockHashes.hashOf(schedule().challengeBlock(window));
        return _byDrand(window) ? _call(window, Moment.Seal, blockHash) : _seal(window, blockHash);
    }

    /// @notice Stores a window's challenge from the round that was called for it.
    function sealWith(uint64 window, bytes calldata signature) external returns (bytes32 challenge) {
        challenge = challengeOf[window];
        return challenge != 0 ? challenge : _seal(window, _mixed(window, Moment.Seal, signature));
    }

    function _commit(Commitment calldata c, address hotkey) private {
        Timing memory t = schedule();
        uint256 start = t.start(c.window);
        Schedule.requireWithin(start + 1, start + t.commit);
        (address miner, uint256 stake) = registry.requireWorkerSince(hotkey, Role.Miner, start - 1);
        if (miner != c.miner) revert Errors.Unauthorized(hotkey);
        if (c.root == 0 || c.blobDigest == 0 || c.groups == 0) revert Errors.EmptyCommitment();
        if (commitmentOf[c.window][miner] != 0) revert Errors.AlreadyCommitted(c.window, miner);
        uint256 allowed = _groupsAllowed(start, stake);
        if (c.groups > allowed) revert Errors.TooManyGroups(c.groups, allowed);
        uint256 most = c.groups * policy.valueOf(MAX_GROUP_WORTH, start);
        if (c.worth > most) revert Errors.TooMuchWorth(c.worth, most);
        uint64 active = checkpoints.activeVersion(c.window);
        if (c.checkpointVersion != active) revert Errors.WrongVersion(active, c.checkpointVersion);
        bytes32 word = opened[c.window];
        if (word == 0) {
            if (_byDrand(c.window)) revert Errors.NotOpened(c.window);
            word = _open(c.window, BlockHashes.hashOf(start));
        }
        word = bytes32(uint256(word) + 1);
        opened[c.window] = word;
        uint32 number = uint32(uint256(word));
        commitmentOf[c.window][c.miner] = Commitments.digest(c) >> 32 << 32 | bytes32(uint256(number));
        emit Events.Committed(c.window, c.miner, c, number);
    }

    function _open(uint64 window, bytes32 seed) private returns (bytes32 beacon) {
        beacon = Keys.beacon(block.chainid, address(this), window, seed);
        opened[window] = beacon;
        emit Events.WindowOpened(window, beacon);
    }

    function _seal(uint64 window, bytes32 seed) private returns (bytes32 challenge) {
        challenge = Keys.challenge(block.chainid, address(this), window, seed);
        challengeOf[window] = challenge;
        emit Events.WindowSealed(window, challenge);
    }

    function _byDrand(uint64 window) private view returns (bool) {
        return policy.valueOf(BEACON_DRAND, startOf(window)) != 0 && drand.source() != DrandBeacon.Source.None;
    }

    /// @dev Fixes the block's hash and the round; the first call counts. Answers zero: there is no randomness yet.
    function _call(uint64 window, Moment moment, bytes32 blockHash) private returns (bytes32) {
        if (drawOf[window][moment].round == 0) {
            uint64 round = drand.roundAfter(block.timestamp);
            drawOf[window][moment] = Draw(blockHash, round);
            emit Events.RoundCalled(window, uint8(moment), round);
        }
        return 0;
    }

    function _mixed(uint64 window, Moment moment, bytes calldata signature) private view returns (bytes32) {
        Draw memory draw = drawOf[window][moment];
        if (draw.round == 0) revert Errors.RoundNotCalled(window);
        return Keys.seed(draw.blockHash, drand.randomnessOf(draw.round, signature));
    }
}
