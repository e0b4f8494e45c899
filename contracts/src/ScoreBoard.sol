// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {GrailToken} from "./GrailToken.sol";
import {NeuronRegistry} from "./NeuronRegistry.sol";
import {PauseSwitch} from "./PauseSwitch.sol";
import {RewardPolicy} from "./RewardPolicy.sol";
import {RewardPool} from "./RewardPool.sol";
import {RolloutLedger} from "./RolloutLedger.sol";
import {Role} from "./StakeVault.sol";
import {ValidatorSet} from "./ValidatorSet.sol";
import {Bonds} from "./Bonds.sol";
import {Consensus} from "./libraries/Consensus.sol";
import {Errors} from "./libraries/Errors.sol";
import {Events} from "./libraries/Events.sol";
import {Payouts} from "./libraries/Payouts.sol";
import {Schedule, Timing} from "./libraries/Schedule.sol";
import {Column, Reveal, Terms} from "./libraries/Settlements.sol";
import {SumTree} from "./libraries/SumTree.sol";

/// @title Validators' scores: commit, reveal, and an optimistic settlement that anyone can refute.
/// @dev One account proposes with a bond. A wrong payout of any single miner voids the proposal by proof (refute). What
///      a proof cannot show - withheld data, validators' weights - is objected to with a bond, and then the majority
///      of the revealed stake decides; even what it decides can be refuted by proof.
contract ScoreBoard is Bonds {
    using Schedule for Timing;

    enum State {
        None,
        Proposed,
        Disputed,
        Decided,
        Final
    }

    struct Proposal {
        bytes32 digest;
        uint128 emission;
        uint128 bond;
        address proposer;
        uint64 deadline;
        uint32 round;
        address objector;
        State state;
    }

    struct Tally {
        uint128 stake;
        uint32 count;
    }

    uint256 public constant MAX_REVEALS = 256;
    uint256 private constant BPS = 10_000;
    bytes32 private constant REVEALED = bytes32(uint256(1));

    NeuronRegistry public immutable registry;
    RolloutLedger public immutable ledger;
    RewardPool public immutable pool;
    ValidatorSet public immutable validators;
    /// @notice A validator's score commitment; 1 once it is revealed.
    mapping(uint64 window => mapping(address validator => bytes32)) public scoreCommit;
    /// @notice Hash chain over a window's reveals, in order.
    mapping(uint64 window => bytes32) public revealChain;
    /// @notice Stake and number of a window's reveals.
    mapping(uint64 window => Tally) public tallyOf;
    mapping(uint64 window => Proposal) private proposals;
    mapping(bytes32 ballot => bool) private voted;
    mapping(bytes32 option => uint256) private support;

    struct Wiring {
        address timelock;
        GrailToken token;
        RewardPolicy policy;
        PauseSwitch pauseSwitch;
        NeuronRegistry registry;
        RolloutLedger ledger;
        RewardPool pool;
        ValidatorSet validators;
    }

    constructor(Wiring memory w) Bonds(w.timelock, w.token, w.policy, w.pauseSwitch) {
        registry = w.registry;
        ledger = w.ledger;
        pool = w.pool;
        validators = w.validators;
    }

    // Scores

    /// @notice Commits to a score sheet: keccak256(abi.encode(window, validator, root, sum, sheetDigest, salt)).
    function commitScores(uint64 window, bytes32 commitment) external {
        Timing memory t = ledger.schedule();
        Schedule.requireWithin(t.challengeBlock(window) + 1, t.scoreDeadline(window));
        (address validator,) = _requireActive(window);
        if (uint256(commitment) <= uint256(REVEALED)) revert Errors.EmptyCommitment();
        if (scoreCommit[window][validator] != 0) revert Errors.AlreadyCommitted(window, validator);
        scoreCommit[window][validator] = commitment;
        emit Events.ScoresCommitted(window, validator);
    }

    /// @notice Opens the commitment. The validator's active stake of before the window is its weight.
    /// @param root sealed sum tree over the sheet, `sum` its sum
    /// @param sheetDigest keccak-256 of the sheet in the object store
    function revealScores(uint64 window, bytes32 root, uint128 sum, bytes32 sheetDigest, bytes32 salt) external {
        Timing memory t = ledger.schedule();
        Schedule.requireWithin(t.scoreDeadline(window) + 1, t.revealDeadline(window));
        (address validator, uint256 stake) = _requireActive(window);
        bytes32 expected = scoreCommit[window][validator];
        if (expected == REVEALED) revert Errors.AlreadyRevealed(window, validator);
        bytes32 got = keccak256(abi.encode(window, validator, root, sum, sheetDigest, salt));
        if (expected != got) revert Errors.RevealMismatch(expected, got);
        scoreCommit[window][validator] = REVEALED;
        Tally memory tally = tallyOf[window];
        if (tally.count == MAX_REVEALS) revert Errors.TooManyReveals(MAX_REVEALS);
        tallyOf[window] = Tally(tally.stake + uint128(stake), tally.count + 1);
        revealChain[window] = _link(revealChain[window], Reveal(validator, root, sum, uint128(stake)));
        emit Events.ScoresRevealed(window, validator, root, sum, sheetDigest, stake);
    }

    // Settlement

    /// @notice Proposes what a window pays, with a bond. Anyone may, once the reveals are over.
    /// @param reveals all reveals of the window, in order
    function propose(uint64 window, Terms calldata terms, Reveal[] calldata reveals) external {
        uint256 ended = ledger.schedule().revealDeadline(window);
        Schedule.requireWithin(ended + 1, type(uint256).max);
        Proposal storage p = proposals[window];
        if (p.state != State.None) revert Errors.AlreadyProposed(window);
        uint256 emission = pool.emissionOf(window);
        _requireSound(window, terms, reveals, emission);
        p.digest = digestOf(window, terms);
        p.emission = uint128(emission);
        p.bond = uint128(policy.get("settlement_bond"));
        p.proposer = msg.sender;
        p.deadline = _deadline("settlement_challenge_blocks");
        p.state = State.Proposed;
        pool.reserve(emission);
        _take(msg.sender, p.bond);
        emit Events.SettlementProposed(window, msg.sender, p.digest, terms, p.deadline);
    }

    /// @notice Voids a settlement by showing one miner's whole column: what every counted validator scored, what the
    ///         settlement says, and what it pays. Until it is final, also what a majority decided can be refuted.
    function refute(uint64 window, Terms calldata terms, Reveal[] calldata reveals, Column calldata column) external {
        pauseSwitch.requireRunning();
        Proposal storage p = _proposal(window, terms);
        if (p.state == State.Final) revert Errors.AlreadySettled(window);
        _requireReveals(window, reveals);
        if (_columnIsRight(window, terms, reveals, column, p.emission)) revert Errors.NoFault();
        if (p.state == State.Disputed) _give(p.objector, p.bond);
        if (p.proposer != address(0)) _forfeit(msg.sender, p.bond);
        emit Events.SettlementRefuted(window, msg.sender, column.miner);
        _void(window, p);
    }

    /// @notice Objects to a proposal with a bond: the revealed stake then decides what the window pays.
    function object(uint64 window) external {
        Proposal storage p = proposals[window];
        if (p.state != State.Proposed) revert Errors.NotProposed(window);
        if (pauseSwitch.clock() >= p.deadline) revert Errors.TooLate(pauseSwitch.clock(), p.deadline);
        p.state = State.Disputed;
        p.objector = msg.sender;
        p.deadline = _deadline("settlement_vote_blocks");
        _take(msg.sender, p.bond);
        emit Events.SettlementDisputed(window, msg.sender, p.deadline);
    }

    /// @notice A validator's word on a disputed window, with the stake of its reveal (number `index`). More than half
    ///         of all revealed stake for one outcome decides; the party that was wrong loses its bond.
    function voteSettlement(uint64 window, Terms calldata terms, Reveal[] calldata reveals, uint256 index) external {
        pauseSwitch.requireRunning();
        Proposal storage p = proposals[window];
        if (p.state != State.Disputed) revert Errors.NotDisputed(window);
        if (pauseSwitch.clock() >= p.deadline) revert Errors.TooLate(pauseSwitch.clock(), p.deadline);
        _requireSound(window, terms, reveals, p.emission);
        address validator = registry.workerOf(msg.sender);
        if (validator == address(0) || validator != reveals[index].validator) {
            revert Errors.NotRevealed(window, msg.sender);
        }
        bytes32 ballot = keccak256(abi.encode(window, p.round, validator));
        if (voted[ballot]) revert Errors.AlreadyVoted(window, validator);
        voted[ballot] = true;
        bytes32 digest = digestOf(window, terms);
        bytes32 option = keccak256(abi.encode(window, p.round, digest));
        support[option] += reveals[index].stake;
        emit Events.SettlementVoted(window, validator, digest, terms);
        if (support[option] * 2 > tallyOf[window].stake) _decide(window, p, digest);
    }

    /// @notice Ends a dispute that nobody decided in time: both bonds go back, and the window may be proposed anew.
    function lapse(uint64 window) external {
        pauseSwitch.requireRunning();
        Proposal storage p = proposals[window];
        if (p.state != State.Disputed) revert Errors.NotDisputed(window);
        if (pauseSwitch.clock() < p.deadline) revert Errors.TooEarly(pauseSwitch.clock(), p.deadline);
        _give(p.objector, p.bond);
        _give(p.proposer, p.bond);
        _void(window, p);
    }

    /// @notice Makes a settlement final once its challenge period is over. Anyone may.
    function finalize(uint64 window, Terms calldata terms) external {
        pauseSwitch.requireRunning();
        Proposal storage p = _proposal(window, terms);
        if (p.state == State.Final) revert Errors.AlreadySettled(window);
        if (p.state == State.Disputed) revert Errors.StillDisputed(window);
        if (pauseSwitch.clock() < p.deadline) revert Errors.TooEarly(pauseSwitch.clock(), p.deadline);
        p.state = State.Final;
        pool.settle(window, terms.payoutRoot, terms.payoutSize, terms.payoutSum, p.emission);
        if (p.proposer != address(0)) _give(p.proposer, p.bond);
    }

    // Reading

    /// @notice A window's proposal; state None when there is none.
    function proposalOf(uint64 window) external view returns (Proposal memory) {
        return proposals[window];
    }

    /// @notice What a proposal stores of its terms.
    function digestOf(uint64 window, Terms calldata terms) public pure returns (bytes32) {
        return keccak256(abi.encode(window, terms));
    }

    // Judging

    function _columnIsRight(
        uint64 window,
        Terms calldata terms,
        Reveal[] calldata reveals,
        Column calldata column,
        uint256 emission
    ) private view returns (bool) {
        uint256 key = uint160(column.miner);
        (, uint256 settled) =
            SumTree.find(terms.scoreRoot, terms.scoreSum, Payouts.scoreContext(window, address(0)), key, column.settled);
        if (settled != _settledScore(window, terms.counted, reveals, column)) return false;
        uint256 payoutKey = Payouts.key(Payouts.MINER, column.miner);
        (, uint256 paid) =
            SumTree.find(terms.payoutRoot, terms.payoutSum, Payouts.context(window), payoutKey, column.payout);
        uint256 split = policy.valueAt("split_miners_bps", ledger.startOf(window));
        return paid == Consensus.share(emission, split, settled, terms.scoreSum);
    }

    function _settledScore(uint64 window, uint256 counted, Reveal[] calldata reveals, Column calldata column)
        private
        view
        returns (uint256)
    {
        uint256[] memory stakes = new uint256[](reveals.length);
        uint256[] memory scores = new uint256[](reveals.length);
        uint256 countedStake = 0;
        uint256 next = 0;
        for (uint256 i = 0; i < reveals.length; ++i) {
            if (counted >> i & 1 == 0) continue;
            if (next == column.sheets.length) revert Errors.BadProof();
            Reveal calldata r = reveals[i];
            countedStake += r.stake;
            bytes32 context = Payouts.scoreContext(window, r.validator);
            (bool present, uint128 score) =
                SumTree.find(r.root, r.sum, context, uint160(column.miner), column.sheets[next++]);
            // who did not score the miner has no part in its median: no stake, no score
            if (present) (stakes[i], scores[i]) = (r.stake, score);
        }
        uint256 kappa = policy.valueAt("kappa_bps", ledger.startOf(window));
        return Consensus.settledScore(stakes, scores, countedStake, kappa);
    }

    /// @dev The active validator that the caller works for, and its stake: of before the beacon could be known.
    function _requireActive(uint64 window) private view returns (address validator, uint256 stake) {
        (validator,) = registry.requireWorker(msg.sender, Role.Validator);
        stake = validators.stakeAt(validator, ledger.startOf(window) - 1);
        if (stake == 0) revert Errors.NotActive(validator);
    }

    /// @dev Terms that may be voted on at all: real reveals, enough counted stake, within the emission.
    function _requireSound(uint64 window, Terms calldata terms, Reveal[] calldata reveals, uint256 emission)
        private
        view
    {
        _requireReveals(window, reveals);
        uint256 start = ledger.startOf(window);
        uint256 countedStake = 0;
        for (uint256 i = 0; i < reveals.length; ++i) {
            if (terms.counted >> i & 1 == 1) countedStake += reveals[i].stake;
        }
        uint256 needed = policy.valueAt("quorum_bps", start) * validators.totalAt(start - 1);
        if (countedStake == 0 || countedStake * BPS < needed) {
            revert Errors.NoQuorum(countedStake, needed / BPS);
        }
        uint256 budget = emission - emission * policy.valueAt("split_burn_bps", start) / BPS;
        if (terms.payoutSum > budget) revert Errors.AboveBudget(terms.payoutSum, budget);
    }

    function _requireReveals(uint64 window, Reveal[] calldata reveals) private view {
        bytes32 chain = 0;
        for (uint256 i = 0; i < reveals.length; ++i) {
            chain = _link(chain, reveals[i]);
        }
        if (chain != revealChain[window]) revert Errors.WrongReveals(window);
    }

    function _decide(uint64 window, Proposal storage p, bytes32 digest) private {
        bool upheld = digest == p.digest;
        if (upheld) {
            _forfeit(p.proposer, p.bond);
        } else {
            _forfeit(p.objector, p.bond);
            _give(p.objector, p.bond);
            p.digest = digest;
            p.proposer = address(0);
        }
        p.state = State.Decided;
        p.deadline = _deadline("settlement_challenge_blocks");
        emit Events.SettlementDecided(window, digest, upheld, p.deadline);
    }

    function _void(uint64 window, Proposal storage p) private {
        (uint128 emission, uint32 round) = (p.emission, p.round + 1);
        delete proposals[window];
        proposals[window].round = round;
        emit Events.SettlementVoided(window);
        pool.unreserve(emission);
    }

    function _proposal(uint64 window, Terms calldata terms) private view returns (Proposal storage p) {
        p = proposals[window];
        if (p.state == State.None) revert Errors.NotProposed(window);
        if (p.digest != digestOf(window, terms)) revert Errors.WrongTerms(window);
    }

    function _deadline(string memory parameter) private view returns (uint64) {
        return uint64(pauseSwitch.clock() + policy.get(parameter));
    }

    function _link(bytes32 chain, Reveal memory r) private pure returns (bytes32) {
        return keccak256(abi.encode(chain, r));
    }
}
