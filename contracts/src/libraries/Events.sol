// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Commitment} from "./Commitments.sol";
import {Terms} from "./Settlements.sol";

/// @title Every event of every contract, in one place.
library Events {
    event Recovered(address indexed asset, address indexed to, uint256 amount);
    // GrailToken
    event Exchanged(address indexed holder, uint256 amount);
    // PauseSwitch
    event PauseChanged(uint256 from, uint256 until);
    event GuardianSet(address indexed guardian);
    // RewardPolicy
    event ParameterSet(bytes32 indexed key, uint256 value);
    event EnvironmentsSet(string[] ids, uint32[] weights, uint32[] rewards);
    // NeuronRegistry
    event Registered(address indexed neuron, uint8 indexed role, uint256 stake, string endpoint);
    event HotkeyProposed(address indexed neuron, address indexed hotkey);
    event HotkeySet(address indexed neuron, address indexed hotkey);
    event EndpointSet(address indexed neuron, string endpoint);
    event Ss58Set(address indexed neuron, bytes32 publicKey);
    event JailChanged(address indexed neuron, bool jailed);
    // StakeVault
    event Staked(address indexed neuron, address indexed staker, uint256 amount, uint8 role);
    event UnstakeRequested(address indexed neuron, address indexed staker, uint256 amount, uint256 readyAt);
    event Withdrawn(address indexed staker, uint256 amount);
    event Collected(address indexed neuron, address indexed staker, uint256 amount);
    event CommissionAnnounced(address indexed neuron, uint256 bps, uint256 from);
    event Slashed(address indexed neuron, uint256 amount);
    event PoolChanged(address indexed neuron, uint256 stake, uint256 shares);
    event SharesChanged(address indexed neuron, address indexed staker, uint256 shares);
    // ValidatorSet
    event Seated(address indexed validator, uint256 stake);
    event Unseated(address indexed validator);
    event RestAnnounced(address indexed validator, uint64 window);
    event RestEnded(address indexed validator);
    // CheckpointRegistry
    event TrainerApproval(address indexed trainer, bool approved);
    event CheckpointPublished(
        uint64 indexed version, bytes32 fingerprint, bytes32 manifest, uint64 activeFrom, address publisher
    );
    // RolloutLedger
    event WindowOpened(uint64 indexed window, bytes32 beacon);
    event Committed(uint64 indexed window, address indexed miner, Commitment commitment, uint32 number);
    event Pledged(address indexed miner, uint64 from, uint32 groups);
    event WindowSealed(uint64 indexed window, bytes32 challenge);
    event RoundCalled(uint64 indexed window, uint8 moment, uint64 round);
    // ScoreBoard
    event ScoresCommitted(uint64 indexed window, address indexed validator);
    event ScoresRevealed(uint64 indexed window, address indexed validator, bytes entries, bytes32 report);
    event SettlementProposed(
        uint64 indexed window,
        uint256 indexed id,
        address indexed proposer,
        Terms terms,
        uint256 emission,
        uint256 until
    );
    event SettlementRefuted(uint64 indexed window, uint256 indexed id, address indexed challenger, uint256 leaf);
    event DuelOpened(uint64 indexed window, uint256 indexed duel, uint256 a, uint256 b, uint256 until);
    event NodesNamed(uint256 indexed duel, uint256 side, bytes32[16] nodes);
    event DuelDescended(uint256 indexed duel, uint256 index, uint256 depth, uint256 until);
    event DuelEnded(uint256 indexed duel, bool aStands, bool bStands);
    // RewardPool
    event WindowSettled(uint64 indexed window, bytes32 root, uint256 total, uint256 burnt);
    event Expired(uint64 indexed window, address indexed account, uint8 share, uint256 amount);
    event Claimed(uint64 indexed window, address indexed account, uint8 share, uint256 amount);
    // FaultCourt
    event FaultProven(uint64 indexed window, address indexed accused, uint8 kind, address accuser, uint256 slashed);
    // Jury
    event Accused(
        uint256 indexed id,
        uint64 indexed window,
        address indexed accused,
        address accuser,
        uint8 kind,
        bytes32 evidence,
        uint256 commitEnd,
        uint256 revealEnd
    );
    event VoteCommitted(uint256 indexed id, address indexed juror);
    event VoteRevealed(uint256 indexed id, address indexed juror, uint8 verdict, uint256 weight);
    event Ruled(uint256 indexed id, uint8 verdict, uint256 appealEnd);
    event Appealed(uint256 indexed id, address indexed appellant, uint256 commitEnd, uint256 revealEnd);
    event Resolved(uint256 indexed id, uint8 verdict);
    event RejectionOverturned(uint64 indexed window, address indexed miner, address indexed validator, uint256 paid);
    event JurorFined(uint256 indexed id, address indexed juror, uint256 amount);
    event HotkeyBound(address indexed validator, bytes32 indexed hotkey);
    event AlphaRead(address indexed validator, uint256 alpha, uint256 counted);
}
