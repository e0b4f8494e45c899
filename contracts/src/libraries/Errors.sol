// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Every error of every contract, in one place. grail/chain/reverts.py says each in words, with its remedy.
library Errors {
    error ZeroAddress();
    error Unauthorized(address caller);
    error LengthMismatch(uint256 left, uint256 right);
    error NotSpare(uint256 asked, uint256 spare);
    error TooEarly(uint256 now_, uint256 first);
    error TooLate(uint256 now_, uint256 last);
    error NotPast(uint256 blockNumber, uint256 now_);
    error NothingToDo();
    // PauseSwitch
    error Paused(uint256 until);
    error NotPaused();
    // GrailToken
    error CapExceeded(uint256 supply, uint256 cap);
    error TransferToToken();
    error ExchangeClosed(uint256 supply, uint256 limit);
    // RewardPolicy
    error UnknownParameter(bytes32 key);
    error OutOfBounds(bytes32 key, uint256 value, uint256 min, uint256 max);
    error SplitAboveOne(uint256 bps);
    error SplitNotWhole(uint256 bps);
    error PenaltyTooHigh(uint256 penalty, uint256 most);
    error UnbondingTooShort(uint256 unbonding, uint256 needed);
    error AccusingTooDear(uint256 reward, uint256 needed);
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
    error HotkeyTaken(address hotkey);
    error AlreadyRotated(uint256 blockNumber);
    // StakeVault
    error PoolWiped(address neuron);
    error TooManyPools(uint256 most);
    error AmountTooSmall(uint256 amount);
    // ValidatorSet
    error AlreadySeated(address validator);
    error Resting(address validator);
    error SetTooLarge(uint256 count, uint256 most);
    error NoSuchPoint(uint256 point);
    // CheckpointRegistry
    error TrainerNotApproved(address trainer);
    error WrongParent(bytes32 expected, bytes32 got);
    error EmptyFingerprint();
    error UnknownVersion(uint256 version);
    // RolloutLedger
    error BeforeGenesis(uint256 blockNumber, uint256 genesis);
    error OutsidePhase(uint256 blockNumber, uint256 first, uint256 last);
    error AlreadyCommitted(uint256 window, address miner);
    error EmptyCommitment();
    error TooManyGroups(uint256 groups, uint256 allowed);
    error TooMuchWorth(uint256 worth, uint256 most);
    error WrongVersion(uint256 expected, uint256 got);
    error HashUnavailable(uint256 blockNumber);
    error BadSchedule();
    error NotOpened(uint256 window);
    error RoundNotCalled(uint256 window);
    // DrandBeacon
    error WrongRound(uint256 round);
    error NoPrecompile(address precompile);
    error BadHotkeyProof(bytes32 hotkey);
    error NotBound(address validator);
    // ScoreBoard
    error NoCommitment(uint256 window, address neuron);
    error RevealMismatch(bytes32 expected, bytes32 got);
    error AlreadyRevealed(uint256 window, address validator);
    error SheetTooLong(uint256 length, uint256 most);
    error NotSealed(uint256 window);
    error NothingToSettle(uint256 window);
    error WrongEmission(uint256 expected, uint256 got);
    error AlreadyProposed(uint256 window);
    error NotStanding(uint256 window, uint256 id);
    error WrongTerms(uint256 window);
    error StillDisputed(uint256 window);
    error AlreadySettled(uint256 window);
    error BadEvidence();
    error AlreadyNamed(uint256 duel, uint256 side);
    error NotNamed(uint256 duel);
    error NotAtALeaf(uint256 duel);
    error UnknownDuel(uint256 duel);
    // RewardPool
    error NotSettled(uint256 window);
    error AlreadyClaimed(uint256 window, address account);
    error ClaimExpired(uint256 window);
    error PayHeld(uint256 window, address miner);
    error Convicted(uint256 window, address miner);
    error NotPayable(uint256 window, uint256 index);
    error BadProof();
    // FaultCourt and Jury
    error NoFault();
    error NotSigned(address miner);
    error AlreadyConvicted(uint256 window, address neuron);
    error AlreadyAccused(uint256 window, address neuron);
    error NotForJury(uint8 kind);
    error NotRejected(uint256 window, address miner, address validator);
    error NotAccepted(uint256 window, address miner, address validator);
    error NotUnjudged(uint256 window, address miner);
    error NotDrawn(uint256 id, address juror);
    error VotingClosed();
    error BadVerdict();
    error AlreadyVoted(uint256 id, address juror);
    error AlreadyResolved(uint256 id);
    error NotDecided(uint256 id);
    error UnknownCase(uint256 id);
}
