// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Bonds} from "./Bonds.sol";
import {Fault, FaultCourt} from "./FaultCourt.sol";
import {GrailToken} from "./GrailToken.sol";
import {NeuronRegistry} from "./NeuronRegistry.sol";
import {PauseSwitch} from "./PauseSwitch.sol";
import {RewardPolicy} from "./RewardPolicy.sol";
import {RolloutLedger} from "./RolloutLedger.sol";
import {Role, StakeVault} from "./StakeVault.sol";
import {SettlementJudge} from "./SettlementJudge.sol";
import {ValidatorSet} from "./ValidatorSet.sol";
import {BlockHashes} from "./libraries/BlockHashes.sol";
import {Commitment} from "./libraries/Commitments.sol";
import {Errors} from "./libraries/Errors.sol";
import {Events} from "./libraries/Events.sol";
import {UNJUDGED} from "./libraries/Settlements.sol";
import {Sortition} from "./libraries/Sortition.sol";

/// @title Faults that need a model or a grader to see: validators drawn by stake vote in secret, all may be asked anew.
/// @dev The accuser puts up a bond, the accused its stake. Seats follow from the active stake before the window of the
///      accusation and from a block after it, so nobody can buy or choose them. The seat of a juror that has gone to
///      jail since stays empty. The first ruling takes effect only when nobody appeals; an
///      appeal asks all validators, by stake. All deadlines are of PauseSwitch.clock().
contract Jury is Bonds {
    enum Verdict {
        None,
        Guilty,
        Innocent,
        Abstain
    }

    enum State {
        Voting,
        Ruled,
        Appealed,
        Closed
    }

    /// @dev `contest`: not an accusation, but a miner's plea against the accuser's rejection of its work; nobody's, where
    ///      no seat had judged it. `evidence`: of an accused audit, whose work it accepted.
    struct Case {
        bool contest;
        uint64 window;
        address accused;
        address accuser;
        Fault kind;
        State state;
        Verdict ruling;
        bytes32 evidence;
        bytes32 seed;
        uint64 drawBlock;
        /// @dev block whose active stake judges: the last one before the window of the accusation
        uint64 stakeBlock;
        uint64 commitEnd;
        uint64 revealEnd;
        uint128 bond;
        uint128 guilty;
        uint128 innocent;
        /// @dev who pleads in a contest
        address petitioner;
        address appellant;
        uint128 appealBond;
        uint64 closedAt;
    }

    uint256 private constant BPS = 10_000;

    NeuronRegistry public immutable registry;
    StakeVault public immutable vault;
    RolloutLedger public immutable ledger;
    FaultCourt public immutable court;
    ValidatorSet public immutable validators;
    SettlementJudge public immutable judge;
    /// @notice How many holds of a submission's pay juries have overturned: one for each rejection, UNJUDGED at once.
    mapping(uint64 window => mapping(address miner => uint256)) public overturned;
    Case[] private cases;
    /// @notice True once an accuser has accused a neuron's work in a window: one try each.
    mapping(bytes32 accusation => bool) private tried;
    mapping(bytes32 ballot => bytes32) private commitments;
    mapping(bytes32 ballot => Verdict) private verdicts;
    mapping(bytes32 ballot => bool) private punished;

    struct Wiring {
        address timelock;
        GrailToken token;
        RewardPolicy policy;
        PauseSwitch pauseSwitch;
        NeuronRegistry registry;
        StakeVault vault;
        RolloutLedger ledger;
        FaultCourt court;
        ValidatorSet validators;
        SettlementJudge judge;
    }

    constructor(Wiring memory w) Bonds(w.timelock, w.token, w.policy, w.pauseSwitch) {
        registry = w.registry;
        vault = w.vault;
        ledger = w.ledger;
        court = w.court;
        validators = w.validators;
        judge = w.judge;
    }

    /// @notice A validator accuses a miner of what only a model or a grader can show.
    /// @param kind Replay, Reward, Structure, or Withheld (the submission's blob is nowhere to be had)
    /// @param evidence keccak-256 of the evidence in the object store: which leaves, which numbers
    function accuse(Commitment calldata c, Fault kind, bytes32 evidence) external returns (uint256 id) {
        bool numeric = kind == Fault.Replay || kind == Fault.Reward || kind == Fault.Structure;
        if (!numeric && kind != Fault.Withheld) revert Errors.NotForJury(uint8(kind));
        return _accuse(c, c.miner, kind, evidence);
    }

    /// @notice A validator accuses another of an audit: its sheet accepts work that it did not read, or that what it
    ///         had to read refutes.
    /// @param kind Audit, or HiddenAudit (the report or the proof of the audit is nowhere to be had)
    /// @param sheet what the accused revealed
    function accuseAudit(Commitment calldata c, Fault kind, address auditor, bytes calldata sheet)
        external
        returns (uint256 id)
    {
        if (kind != Fault.Audit && kind != Fault.HiddenAudit) revert Errors.NotForJury(uint8(kind));
        if (judge.saysOf(c, auditor, sheet) & 1 == 0) revert Errors.NotAccepted(c.window, c.miner, auditor);
        return _accuse(c, auditor, kind, bytes32(uint256(uint160(c.miner))));
    }

    function _accuse(Commitment calldata c, address accused, Fault kind, bytes32 evidence)
        private
        returns (uint256 id)
    {
        (address accuser,) = registry.requireWorker(msg.sender, Role.Validator);
        if (accuser == accused) revert Errors.NoFault();
        id = _file(c, accused, accuser, false);
        Case storage k = cases[id];
        (k.kind, k.evidence) = (kind, evidence);
        _announce(id, k);
    }

    /// @notice Pleads, with a bond, against a validator's rejection of a submission: it holds the pay until then. Anyone
    ///         may. The jury replays what the validator read; whoever was wrong pays.
    /// @param sheet what the validator revealed
    function contest(Commitment calldata c, address validator, bytes calldata sheet) external returns (uint256 id) {
        if (judge.saysOf(c, validator, sheet) & 2 == 0) revert Errors.NotRejected(c.window, c.miner, validator);
        return _plead(c, validator);
    }

    /// @notice Brings, with a bond, work that no seat judged before a jury: its second draw. Anyone may.
    /// @param sheets what those who hold its seats revealed, in the order in which seats first name them
    function contestSilence(Commitment calldata c, bytes[] calldata sheets) external returns (uint256 id) {
        if (!judge.unjudged(c, sheets)) revert Errors.NotUnjudged(c.window, c.miner);
        return _plead(c, address(0));
    }

    function _plead(Commitment calldata c, address validator) private returns (uint256 id) {
        id = _file(c, c.miner, validator, true);
        Case storage k = cases[id];
        k.petitioner = msg.sender;
        _announce(id, k);
    }

    function _announce(uint256 id, Case storage k) private {
        emit Events.Accused(id, k.window, k.accused, k.accuser, uint8(k.kind), k.evidence, k.commitEnd, k.revealEnd);
    }

    function _file(Commitment calldata c, address accused, address accuser, bool contest_)
        private
        returns (uint256 id)
    {
        ledger.requireCommitted(c);
        if (court.convicted(c.window, accused)) revert Errors.AlreadyConvicted(c.window, accused);
        bytes32 accusation = _accusation(c.window, accused, accuser, contest_);
        if (tried[accusation]) revert Errors.AlreadyAccused(c.window, accused);
        _requireInTime(c.window);
        tried[accusation] = true;
        id = cases.length;
        Case storage k = cases.push();
        (k.contest, k.window, k.accused, k.accuser) = (contest_, c.window, accused, accuser);
        k.drawBlock = uint64(block.number + 1);
        k.stakeBlock = uint64(ledger.startOf(ledger.currentWindow()) - 1);
        k.bond = uint128(policy.get("accusation_bond"));
        _openBallot(k);
        _take(msg.sender, k.bond);
    }

    /// @notice Fixes a case's draw. Anyone may, also late; the first vote does it too.
    function draw(uint256 id) public returns (bytes32 seed) {
        Case storage k = _case(id);
        if (k.seed == 0) k.seed = Sortition.seed(block.chainid, address(this), id, BlockHashes.hashOf(k.drawBlock));
        return k.seed;
    }

    /// @notice A juror's secret vote: keccak256(abi.encode(id, round, juror, verdict, salt)).
    function commitVote(uint256 id, bytes32 commitment) external {
        Case storage k = _case(id);
        _requireVoting(k, pauseSwitch.clock() <= k.commitEnd, k.commitEnd);
        draw(id);
        (address juror,) = registry.requireWorker(msg.sender, Role.Validator);
        if (weightOf(id, juror) == 0) revert Errors.NotDrawn(id, juror);
        bytes32 ballot = _ballot(id, k.state, juror);
        if (commitments[ballot] != 0) revert Errors.AlreadyVoted(id, juror);
        if (commitment == 0) revert Errors.EmptyCommitment();
        commitments[ballot] = commitment;
        emit Events.VoteCommitted(id, juror);
    }

    /// @notice Opens a vote, in the reveal phase. Abstaining has no weight and costs nothing.
    function revealVote(uint256 id, Verdict verdict, bytes32 salt) external {
        Case storage k = _case(id);
        _requireVoting(k, pauseSwitch.clock() <= k.revealEnd, k.revealEnd);
        if (pauseSwitch.clock() <= k.commitEnd) revert Errors.TooEarly(pauseSwitch.clock(), k.commitEnd + 1);
        if (verdict == Verdict.None) revert Errors.BadVerdict();
        address juror = registry.workerOf(msg.sender);
        bytes32 ballot = _ballot(id, k.state, juror);
        bytes32 got = keccak256(abi.encode(id, _round(k.state), juror, verdict, salt));
        if (commitments[ballot] != got) revert Errors.RevealMismatch(commitments[ballot], got);
        if (verdicts[ballot] != Verdict.None) revert Errors.AlreadyVoted(id, juror);
        verdicts[ballot] = verdict;
        uint128 weight = uint128(weightOf(id, juror));
        if (verdict == Verdict.Guilty) k.guilty += weight;
        if (verdict == Verdict.Innocent) k.innocent += weight;
        emit Events.VoteRevealed(id, juror, uint8(verdict), weight);
    }

    /// @notice Counts the jury's votes once the reveals are over. Too few votes decide nothing and cost nobody; a tie
    ///         is for the accused. The ruling then waits for an appeal.
    function rule(uint256 id) external {
        pauseSwitch.requireRunning();
        Case storage k = _case(id);
        if (k.state != State.Voting) revert Errors.AlreadyResolved(id);
        _requireOver(k.revealEnd);
        if (uint256(k.guilty + k.innocent) * 2 < policy.valueAt("jury_seats", ledger.startOf(k.window))) {
            _close(id, k, Verdict.None);
            return;
        }
        k.ruling = k.guilty > k.innocent ? Verdict.Guilty : Verdict.Innocent;
        k.state = State.Ruled;
        k.commitEnd = uint64(pauseSwitch.clock() + policy.get("appeal_blocks"));
        emit Events.Ruled(id, uint8(k.ruling), k.commitEnd);
    }

    /// @notice Asks all validators, with a bond, while the ruling waits. Anyone may.
    function appeal(uint256 id) external {
        Case storage k = _case(id);
        if (k.state != State.Ruled) revert Errors.NotDecided(id);
        if (pauseSwitch.clock() > k.commitEnd) revert Errors.TooLate(pauseSwitch.clock(), k.commitEnd);
        k.state = State.Appealed;
        (k.guilty, k.innocent) = (0, 0);
        k.appellant = msg.sender;
        k.appealBond = uint128(policy.get("appeal_bond"));
        _openBallot(k);
        _take(msg.sender, k.appealBond);
        emit Events.Appealed(id, msg.sender, k.commitEnd, k.revealEnd);
    }

    /// @notice Closes a case whose ruling nobody appealed, or whose appeal has been voted on. Anyone may. An appeal
    ///         with less than the quorum of all stake leaves the ruling as it was.
    function execute(uint256 id) external {
        pauseSwitch.requireRunning();
        Case storage k = _case(id);
        if (k.state == State.Voting) revert Errors.NotDecided(id);
        if (k.state == State.Closed) revert Errors.AlreadyResolved(id);
        if (k.state == State.Ruled) {
            _requireOver(k.commitEnd);
            _close(id, k, k.ruling);
            return;
        }
        _requireOver(k.revealEnd);
        uint256 total = validators.totalAt(k.stakeBlock) - validators.stakeAt(k.accuser, k.stakeBlock)
            - validators.stakeAt(k.accused, k.stakeBlock);
        uint256 quorum = policy.valueAt("quorum_bps", ledger.startOf(k.window));
        bool heard = uint256(k.guilty + k.innocent) * BPS >= quorum * total;
        Verdict last = heard ? (k.guilty > k.innocent ? Verdict.Guilty : Verdict.Innocent) : k.ruling;
        if (last != k.ruling) _give(k.appellant, k.appealBond);
        else _forfeit(k.ruling == Verdict.Guilty ? k.accuser : k.accused, k.appealBond);
        _close(id, k, last);
    }

    /// @notice Fines a drawn juror of the first round that voted against the final verdict or not at all: at most
    ///         juror_penalty, burnt, once a case. Anyone may call until the accusation horizon has passed again. Who
    ///         was barred from voting is not fined.
    function fine(uint256 id, address juror) external {
        pauseSwitch.requireRunning();
        Case storage k = _case(id);
        if (k.state != State.Closed || k.ruling == Verdict.None) revert Errors.NotDecided(id);
        uint256 start = ledger.startOf(k.window);
        uint256 latest = k.closedAt + policy.valueAt("accusation_horizon_blocks", start);
        if (pauseSwitch.clock() > latest) revert Errors.TooLate(pauseSwitch.clock(), latest);
        bytes32 ballot = _ballot(id, State.Voting, juror);
        if (punished[ballot]) revert Errors.AlreadyResolved(id);
        Verdict said = verdicts[ballot];
        if (said == k.ruling || said == Verdict.Abstain || seatsOf(id, juror) == 0) revert Errors.NoFault();
        bool barred = registry.jailedSince(juror, k.stakeBlock) || !registry.isActive(juror, Role.Validator);
        if (barred) revert Errors.NoFault();
        punished[ballot] = true;
        (uint256 taken,) = vault.slash(juror, policy.valueAt("juror_penalty", start));
        token.burn(taken);
        emit Events.JurorFined(id, juror, taken);
    }

    // Reading

    /// @notice One case.
    function caseOf(uint256 id) external view returns (Case memory) {
        return _case(id);
    }

    /// @notice Number of cases so far.
    function caseCount() external view returns (uint256) {
        return cases.length;
    }

    /// @notice Seats that the draw gives a validator: how many of jury_seats points, drawn from the active stake but
    ///         that of accuser and accused, fall on its own.
    function seatsOf(uint256 id, address juror) public view returns (uint256) {
        Case storage k = _case(id);
        if (k.seed == 0) revert Errors.NotDrawn(id, juror);
        if (_isParty(k, juror)) return 0;
        (uint256 start, uint256 stake) = validators.rangeAt(juror, k.stakeBlock);
        (uint256 beforeA, uint256 leftA) = _cut(k.accuser, start, k.stakeBlock);
        (uint256 beforeB, uint256 leftB) = _cut(k.accused, start, k.stakeBlock);
        uint256 total = validators.totalAt(k.stakeBlock) - leftA - leftB;
        uint256 seats = policy.valueAt("jury_seats", ledger.startOf(k.window));
        return Sortition.seats(k.seed, start - beforeA - beforeB, stake, total, seats);
    }

    /// @notice What a validator's vote counts for now: seats, on appeal wei of stake.
    function weightOf(uint256 id, address juror) public view returns (uint256) {
        Case storage k = _case(id);
        if (k.state != State.Appealed) return seatsOf(id, juror);
        return _isParty(k, juror) ? 0 : validators.stakeAt(juror, k.stakeBlock);
    }

    /// @notice A juror's commitment and revealed verdict in a round (1, or 2 on appeal).
    function voteOf(uint256 id, uint256 round, address juror) external view returns (bytes32, Verdict) {
        bytes32 ballot = keccak256(abi.encode(id, round, juror));
        return (commitments[ballot], verdicts[ballot]);
    }

    /// @notice Has this accuser accused this neuron's work in a window already?
    function accusedBy(uint64 window, address accused, address accuser) external view returns (bool) {
        return tried[_accusation(window, accused, accuser, false)];
    }

    function _close(uint256 id, Case storage k, Verdict verdict) private {
        k.state = State.Closed;
        k.ruling = verdict;
        k.closedAt = uint64(pauseSwitch.clock());
        emit Events.Resolved(id, uint8(verdict));
        // who is refuted pays; where nobody decided, nobody pays
        if (k.contest) return _closeContest(k, verdict);
        if (verdict == Verdict.Innocent) _forfeit(k.accused, k.bond);
        else _give(k.accuser, k.bond);
        if (verdict == Verdict.Guilty) court.convict(k.window, k.accused, k.kind, k.accuser);
    }

    /// @dev A rejection that was wrong holds no pay any more, and its validator pays: half to the miner, half burnt. For
    ///      work that nobody had judged, nobody pays, and nobody gains a lost bond.
    function _closeContest(Case storage k, Verdict verdict) private {
        if (verdict == Verdict.Guilty) return _forfeit(k.accuser, k.bond);
        _give(k.petitioner, k.bond);
        if (verdict != Verdict.Innocent) {
            // nobody decided: the plea may be made again
            tried[_accusation(k.window, k.accused, k.accuser, true)] = false;
            return;
        }
        bool silence = k.accuser == address(0);
        overturned[k.window][k.accused] += silence ? UNJUDGED : 1;
        uint256 taken = 0;
        if (!silence) {
            (taken,) = vault.slash(k.accuser, policy.valueAt("reject_penalty", ledger.startOf(k.window)));
            bondsHeld += taken;
            _forfeit(k.accused, taken);
        }
        emit Events.RejectionOverturned(k.window, k.accused, k.accuser, taken);
    }

    /// @dev A party's points are cut out of the line: how many, and how many of them lie before `start`.
    function _cut(address party, uint256 start, uint256 at_) private view returns (uint256 before, uint256 left) {
        uint256 gap;
        (gap, left) = validators.rangeAt(party, at_);
        before = start > gap ? left : 0;
    }

    function _isParty(Case storage k, address juror) private view returns (bool) {
        return juror == k.accuser || juror == k.accused;
    }

    function _openBallot(Case storage k) private {
        k.commitEnd = uint64(pauseSwitch.clock() + policy.get("vote_commit_blocks"));
        k.revealEnd = uint64(k.commitEnd + policy.get("vote_reveal_blocks"));
    }

    /// @dev Accusations come within the horizon of their window, paused blocks not counted.
    function _requireInTime(uint64 window) private view {
        uint256 end = ledger.startOf(window + 1);
        if (block.number < end) return;
        uint256 horizon = policy.valueAt("accusation_horizon_blocks", ledger.startOf(window));
        uint256 latest = pauseSwitch.clockAt(end) + horizon;
        if (pauseSwitch.clock() > latest) revert Errors.TooLate(pauseSwitch.clock(), latest);
    }

    function _requireVoting(Case storage k, bool inTime, uint256 deadline) private view {
        if (k.state != State.Voting && k.state != State.Appealed) revert Errors.VotingClosed();
        if (!inTime) revert Errors.TooLate(pauseSwitch.clock(), deadline);
    }

    function _requireOver(uint256 deadline) private view {
        if (pauseSwitch.clock() <= deadline) revert Errors.TooEarly(pauseSwitch.clock(), deadline + 1);
    }

    function _accusation(uint64 window, address accused, address accuser, bool contest_)
        private
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(window, accused, accuser, contest_));
    }

    function _round(State state) private pure returns (uint256) {
        return state == State.Appealed ? 2 : 1;
    }

    function _ballot(uint256 id, State state, address juror) private pure returns (bytes32) {
        return keccak256(abi.encode(id, _round(state), juror));
    }

    function _case(uint256 id) private view returns (Case storage) {
        if (id >= cases.length) revert Errors.UnknownCase(id);
        return cases[id];
    }
}
