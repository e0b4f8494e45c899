// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Every event of every contract, in one place.
library Events {
    // RewardPolicy
    event ParameterSet(bytes32 indexed key, uint256 value);
    event EnvironmentsSet(string[] ids, uint32[] weights);
    // NeuronRegistry
    event Registered(address indexed neuron, uint8 indexed role, uint256 stake, string endpoint);
    event StakeAdded(address indexed neuron, uint256 amount);
    event UnstakeRequested(address indexed neuron, uint256 amount, uint256 readyAt);
    event Withdrawn(address indexed neuron, uint256 amount);
    event Slashed(address indexed neuron, uint256 amount);
    event JailChanged(address indexed neuron, bool jailed);
    event EndpointSet(address indexed neuron, string endpoint);
    // CheckpointRegistry
    event TrainerApproval(address indexed trainer, bool approved);
    event CheckpointPublished(
        uint64 indexed version, bytes32 fingerprint, bytes32 manifest, uint64 activeFrom, address publisher
    );
    // RolloutLedger
    event WindowOpened(uint64 indexed window, bytes32 beacon);
    event Committed(
        uint64 indexed window,
        address indexed miner,
        bytes32 root,
        bytes32 blobDigest,
        uint32 groups,
        uint64 checkpointVersion
    );
    event WindowSealed(uint64 indexed window, bytes32 challenge);
    // ScoreBoard
    event ScoresCommitted(uint64 indexed window, address indexed validator);
    event ScoresRevealed(
        uint64 indexed window, address indexed validator, bytes32 root, bytes32 sheetDigest, uint256 stake
    );
    event SettlementAttested(uint64 indexed window, address indexed validator, bytes32 root, uint256 total);
    event WindowSettled(uint64 indexed window, bytes32 root, uint256 total);
    // RewardPool
    event Claimed(uint64 indexed window, address indexed account, uint256 amount);
    // FaultCourt
    event Accused(
        uint256 indexed accusation,
        uint64 indexed window,
        address indexed accused,
        address accuser,
        uint8 kind,
        bytes32 evidence,
        uint256 deadline
    );
    event Voted(uint256 indexed accusation, address indexed juror, bool guilty, uint256 stake);
    event Resolved(uint256 indexed accusation, bool convicted);
    event FaultProven(uint64 indexed window, address indexed accused, uint8 kind, address accuser, uint256 slashed);
}
