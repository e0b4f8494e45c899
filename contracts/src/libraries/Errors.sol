// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Every error of every contract, in one place. grail/chain/reverts.py says each in words, with its remedy.
library Errors {
    error ZeroAddress();
    error AlreadyWired();
    error Unauthorized(address caller);
    // GrailToken
    error CapExceeded(uint256 supply, uint256 cap);
    // RewardPolicy
    error UnknownParameter(bytes32 key);
    error OutOfBounds(bytes32 key, uint256 value, uint256 min, uint256 max);
    error SplitAboveOne(uint256 bps);
    error UnbondingTooShort(uint256 unbonding, uint256 needed);
    error BadEnvironmentMix();
    // NeuronRegistry
    error AlreadyRegistered(address neuron);
    error NotRegistered(address neuron);
    error BadRole();
    error StakeTooLow(uint256 stake, uint256 minimum);
    error NotActive(address neuron);
    error QueueFull();
    error NothingToWithdraw();
    error EndpointTooLong();
    // CheckpointRegistry
    error TrainerNotApproved(address trainer);
    error WrongParent(bytes32 expected, bytes32 got);
    error EmptyFingerprint();
    // RolloutLedger
    error BeforeGenesis(uint256 blockNumber, uint256 genesis);
    error OutsidePhase(uint256 blockNumber, uint256 first, uint256 last);
    error AlreadyCommitted(uint256 window, address miner);
    error EmptyCommitment();
    error TooManyGroups(uint256 groups, uint256 allowed);
    error WrongVersion(uint256 expected, uint256 got);
    error HashUnavailable(uint256 blockNumber);
    error BadSchedule();
    // ScoreBoard
    error NoCommitment(uint256 window, address neuron);
    error RevealMismatch(bytes32 expected, bytes32 got);
    error AlreadyRevealed(uint256 window, address validator);
    error NotRevealed(uint256 window, address validator);
    error AlreadyAttested(uint256 window, address validator);
    error AlreadySettled(uint256 window);
    // RewardPool
    error AboveBudget(uint256 total, uint256 budget);
    error NotSettled(uint256 window);
    error AlreadyClaimed(uint256 window, address account);
    error BadProof();
    error AboveSettlement(uint256 window, uint256 amount, uint256 left);
    // FaultCourt
    error NoFault();
    error AlreadyConvicted(uint256 window, address neuron);
    error AlreadyAccused(uint256 window, address neuron);
    error NotNumeric(uint8 kind);
    error TooLate(uint256 blockNumber, uint256 deadline);
    error AlreadyVoted(uint256 accusation, address juror);
    error AlreadyResolved(uint256 accusation);
    error NotDecided(uint256 accusation);
    error UnknownAccusation(uint256 accusation);
}
