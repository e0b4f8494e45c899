// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {NeuronRegistry, Role} from "./NeuronRegistry.sol";
import {Errors} from "./libraries/Errors.sol";
import {Events} from "./libraries/Events.sol";

interface IWindows {
    function currentWindow() external view returns (uint64);
}

/// @title Versions of the weights: fingerprint, parent, and the window from which a version is mandatory.
contract CheckpointRegistry is Ownable2Step {
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
    /// @notice The RolloutLedger, set once: it knows the current window.
    IWindows public windows;
    mapping(address trainer => bool) public approved;
    Checkpoint[] private versions;
    Checkpoints.Trace208 private activeAt;

    constructor(address owner, NeuronRegistry registry_) Ownable(owner) {
        registry = registry_;
    }

    /// @notice Names the ledger, once, by the owner.
    function setWindows(IWindows windows_) external onlyOwner {
        if (address(windows) != address(0)) revert Errors.AlreadyWired();
        if (address(windows_) == address(0)) revert Errors.ZeroAddress();
        windows = windows_;
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
        if (!approved[msg.sender]) revert Errors.TrainerNotApproved(msg.sender);
        if (!registry.isActive(msg.sender, Role.Trainer)) revert Errors.NotActive(msg.sender);
        if (fingerprint == 0) revert Errors.EmptyFingerprint();
        bytes32 newest = versions.length == 0 ? bytes32(0) : versions[versions.length - 1].fingerprint;
        if (parent != newest) revert Errors.WrongParent(newest, parent);
        uint64 activeFrom = _nextWindow();
        versions.push(
            Checkpoint(fingerprint, parent, manifest, rulesHash, calibration, proofScheme, activeFrom, msg.sender)
        );
        version = uint64(versions.length);
        activeAt.push(uint48(activeFrom), version);
        emit Events.CheckpointPublished(version, fingerprint, manifest, activeFrom, msg.sender);
    }

    /// @notice Version that miners must use in `window`; 0 when there is none yet.
    function activeVersion(uint64 window) external view returns (uint64) {
        return uint64(activeAt.upperLookupRecent(uint48(window)));
    }

    /// @notice Newest version; 0 when there is none. Versions count from 1.
    function latestVersion() external view returns (uint64) {
        return uint64(versions.length);
    }

    /// @notice One version's record.
    function checkpoint(uint64 version) external view returns (Checkpoint memory) {
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
}
