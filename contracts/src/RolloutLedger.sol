// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {CheckpointRegistry} from "./CheckpointRegistry.sol";
import {NeuronRegistry, Role} from "./NeuronRegistry.sol";
import {RewardPolicy} from "./RewardPolicy.sol";
import {Errors} from "./libraries/Errors.sol";
import {Events} from "./libraries/Events.sol";
import {Keys} from "./libraries/Keys.sol";
import {Schedule, Timing} from "./libraries/Schedule.sol";

/// @title Windows, their randomness, and the miners' commitments.
contract RolloutLedger {
    using Schedule for Timing;

    struct Commitment {
        bytes32 root;
        bytes32 blobDigest;
        uint32 groups;
        uint64 checkpointVersion;
    }

    /// @dev EIP-2935: serves block hashes of the last 8,191 blocks on chains that have it.
    address private constant HISTORY = 0x0000F90827F1C53a10cb7A02335B175320002935;

    RewardPolicy public immutable policy;
    NeuronRegistry public immutable registry;
    CheckpointRegistry public immutable checkpoints;
    Timing private timing;
    /// @notice Randomness of a window, stored by its first commitment or by anyone's open().
    mapping(uint64 window => bytes32) public beaconOf;
    /// @notice Randomness after the commit deadline, stored by anyone's seal().
    mapping(uint64 window => bytes32) public challengeOf;
    mapping(uint64 window => mapping(address miner => Commitment)) private commitments;
    mapping(uint64 window => address[]) private committers;

    constructor(RewardPolicy policy_, NeuronRegistry registry_, CheckpointRegistry checkpoints_, Timing memory t) {
        Schedule.check(t);
        policy = policy_;
        registry = registry_;
        checkpoints = checkpoints_;
        timing = t;
    }

    /// @notice Window timing in blocks.
    function schedule() external view returns (Timing memory) {
        return timing;
    }

    /// @notice Window of the current block.
    function currentWindow() external view returns (uint64) {
        return timing.windowOf(block.number);
    }

    /// @notice First block of a window: its parameters are the policy's at this block.
    function startOf(uint64 window) public view returns (uint256) {
        return timing.start(window);
    }

    /// @notice Commits the caller's whole submission of the current window: once, before the deadline.
    /// @param root Merkle root over all leaves
    /// @param blobDigest keccak-256 of the submission blob in the object store
    /// @param groups number of groups; the stake must cover bond_per_group for each
    /// @param checkpointVersion must be the version that is active in this window
    function commit(uint64 window, bytes32 root, bytes32 blobDigest, uint32 groups, uint64 checkpointVersion) external {
        Timing memory t = timing;
        Schedule.requireWithin(t.start(window) + 1, t.commitDeadline(window));
        if (!registry.isActive(msg.sender, Role.Miner)) revert Errors.NotActive(msg.sender);
        if (root == 0 || blobDigest == 0 || groups == 0) revert Errors.EmptyCommitment();
        Commitment storage entry = commitments[window][msg.sender];
        if (entry.root != 0) revert Errors.AlreadyCommitted(window, msg.sender);
        uint256 allowed = groupsAllowed(window, msg.sender);
        if (groups > allowed) revert Errors.TooManyGroups(groups, allowed);
        uint64 active = checkpoints.activeVersion(window);
        if (checkpointVersion != active) revert Errors.WrongVersion(active, checkpointVersion);
        _open(t, window);
        commitments[window][msg.sender] = Commitment(root, blobDigest, groups, checkpointVersion);
        committers[window].push(msg.sender);
        emit Events.Committed(window, msg.sender, root, blobDigest, groups, checkpointVersion);
    }

    /// @notice Groups a miner may commit: what its stake covers, at most max_groups.
    function groupsAllowed(uint64 window, address miner) public view returns (uint256) {
        uint256 start = startOf(window);
        uint256 covered = registry.stakeOf(miner) / policy.valueAt("bond_per_group", start);
        uint256 most = policy.valueAt("max_groups", start);
        return covered < most ? covered : most;
    }

    /// @notice Stores a window's beacon while its block hash can still be read.
    function open(uint64 window) external returns (bytes32) {
        return _open(timing, window);
    }

    /// @notice Stores a window's challenge. Anyone may, also late: then EIP-2935, else the fallback rule, serves.
    function seal(uint64 window) external returns (bytes32 challenge) {
        challenge = challengeOf[window];
        if (challenge != 0) return challenge;
        challenge = Keys.challenge(block.chainid, address(this), window, _blockHash(timing.challengeBlock(window)));
        challengeOf[window] = challenge;
        emit Events.WindowSealed(window, challenge);
    }

    /// @notice A miner's commitment; all zero when it made none.
    function commitmentOf(uint64 window, address miner) external view returns (Commitment memory) {
        return commitments[window][miner];
    }

    /// @notice Page of the miners that committed in a window.
    function committersFrom(uint64 window, uint256 first, uint256 count) external view returns (address[] memory page) {
        address[] storage all = committers[window];
        uint256 last = first + count < all.length ? first + count : all.length;
        page = new address[](last > first ? last - first : 0);
        for (uint256 i = 0; i < page.length; ++i) {
            page[i] = all[first + i];
        }
    }

    function _open(Timing memory t, uint64 window) private returns (bytes32 beacon) {
        beacon = beaconOf[window];
        if (beacon != 0) return beacon;
        beacon = Keys.beacon(block.chainid, address(this), window, _blockHash(t.start(window)));
        beaconOf[window] = beacon;
        emit Events.WindowOpened(window, beacon);
    }

    /// @dev The hash of block `number`; when the EVM no longer sees it, that of the first later block congruent to it
    ///      modulo 256 that the EVM does see. The rule leaves one candidate at any time, and anyone can seal in time.
    function _blockHash(uint256 number) private view returns (bytes32 hash) {
        if (number >= block.number) revert Errors.HashUnavailable(number);
        hash = blockhash(number);
        if (hash != 0) return hash;
        (bool ok, bytes memory answer) = HISTORY.staticcall(abi.encode(number));
        if (ok && answer.length == 32) return bytes32(answer);
        uint256 behind = block.number - 1 - number;
        hash = blockhash(number + (behind / 256) * 256);
        if (hash == 0) revert Errors.HashUnavailable(number);
    }
}
