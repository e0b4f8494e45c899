// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {Governed} from "./Governed.sol";
import {NeuronRegistry} from "./NeuronRegistry.sol";
import {Role} from "./StakeVault.sol";
import {Errors} from "./libraries/Errors.sol";
import {Events} from "./libraries/Events.sol";

interface IWindows {
    function currentWindow() external view returns (uint64);
}

/// @title Versions of the weights: fingerprint, parent, and the window from which a version is mandatory.
contract CheckpointRegistry is Governed {
    using Checkpoints for Checkpoints.Trace208;

    struct Checkpoint {
        bytes32 fingerprint;
        bytes32 parent;
        bytes32 manifest;
        bytes32 rulesHash;
        bytes32 calibration;
        string proofScheme;
        uint64 activeFrom;
        address publisher;
    }

    NeuronRegistry public immutable registry;
    /// @notice The RolloutLedger: it knows the current window.
    IWindows public immutable windows;
    mapping(address trainer => bool) public approved;
    Checkpoint[] private versions;
    Checkpoints.Trace208 private activeAt;

    /// @param trainers who may publish from the start; votes change it
    constructor(address timelock, NeuronRegistry registry_, IWindows windows_, address[] memory trainers)
        Governed(timelock)
    {
        registry = registry_;
        windows = windows_;
        for (uint256 i = 0; i < trainers.length; ++i) {
            approved[trainers[i]] = true;
            emit Events.TrainerApproval(trainers[i], true);
        }
    }

    /// @notice Approves or dismisses a trainer: stake alone does not buy the right to set the weights.
    function approve(address trainer, bool yes) external onlyOwner {
        approved[trainer] = yes;
        emit Events.TrainerApproval(trainer, yes);
    }

    /// @notice Publishes the next version. It is mandatory from the next window on.
    /// @param parent fingerprint of the newest version, so that two trainers cannot overwrite each other unseen
    function publish(
        bytes32 fingerprint,
        bytes32 parent,
        bytes32 manifest,
        bytes32 rulesHash,
        bytes32 calibration,
        string calldata proofScheme
    ) external returns (uint64 version) {
        (address trainer,) = registry.requireWorker(msg.sender, Role.Trainer);
        if (!approved[trainer]) revert Errors.TrainerNotApproved(trainer);
        if (fingerprint == 0) revert Errors.EmptyFingerprint();
        bytes32 newest = versions.length == 0 ? bytes32(0) : versions[versions.length - 1].fingerprint;
        if (parent != newest) revert Errors.WrongParent(newest, parent);
        uint64 activeFrom = _nextWindow();
        versions.push(
            Checkpoint(fingerprint, parent, manifest, rulesHash, calibration, proofScheme, activeFrom, trainer)
        );
        version = uint64(versions.length);
        activeAt.push(uint48(activeFrom), version);
        emit Events.CheckpointPublished(version, fingerprint, manifest, activeFrom, trainer);
    }

    /// @notice Version that miners must use in `window`; 0 when there is none yet.
    function activeVersion(uint64 window) external view returns (uint64) {
        (bool any, uint48 from, uint208 newest) = activeAt.latestCheckpoint();
        if (any && from <= window) return uint64(newest);
        return uint64(activeAt.upperLookupRecent(uint48(window)));
    }

    /// @notice Newest version; 0 when there is none. Versions count from 1.
    function latestVersion() external view returns (uint64) {
        return uint64(versions.length);
    }

    /// @notice One version's record.
    function checkpoint(uint64 version) external view returns (Checkpoint memory) {
        if (version == 0 || version > versions.length) revert Errors.UnknownVersion(version);
        return versions[version - 1];
    }

    /// @dev Before genesis the ledger reverts, and the first version is for window 0.
    function _nextWindow() private view returns (uint64) {
        try windows.currentWindow() returns (uint64 current) {
            return current + 1;
        } catch {
            return 0;
        }
    }

    function _owed(IERC20) internal pure override returns (uint256) {
        return 0;
    }
}
