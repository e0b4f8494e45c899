// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Bonds} from "./Bonds.sol";
import {GrailToken} from "./GrailToken.sol";
import {NeuronRegistry} from "./NeuronRegistry.sol";
import {PauseSwitch} from "./PauseSwitch.sol";
import {RewardPolicy} from "./RewardPolicy.sol";
import {RewardPool} from "./RewardPool.sol";
import {RolloutLedger} from "./RolloutLedger.sol";
import {SettlementJudge} from "./SettlementJudge.sol";
import {Role} from "./StakeVault.sol";
import {ValidatorSet} from "./ValidatorSet.sol";
import {Errors} from "./libraries/Errors.sol";
import {Events} from "./libraries/Events.sol";
import {Schedule, Timing} from "./libraries/Schedule.sol";
import {Evidence, LeafTree, SettlementLeaf, Terms} from "./libraries/Settlements.sol";

/// @title Validators' sheets on chain, and what a window pays: a pure function of the chain that anyone may state.
/// @dev Statements stand side by side, each with a bond. A wrong one falls by showing one wrong leaf of it, or, where its
///      tree is withheld, in a duel with another: both sides name sixteen nodes at a time, down to the first leaf that
///      differs, which the SettlementJudge decides from chain data. Anyone may move for any side, so nobody's silence
///      matters but that of a side whose tree nobody knows. The last one standing becomes final.
contract ScoreBoard is Bonds {
    using Schedule for Timing;

    /// @dev What is stated for one window. `deadline`: clock time at which the first statement's challenge is over;
    ///      `opened`: block of the first statement.
    struct Round {
        uint128 emission;
        uint128 bond;
        uint64 deadline;
        uint64 opened;
        uint32 standing;
        bool closed;
    }

    struct Proposal {
        bytes32 digest;
        address proposer;
        uint32 duels;
        bool standing;
    }

    /// @dev Two statements (`ids`) and the nodes at which they were found to differ, `depth` levels above the leaves.
    struct Duel {
        bytes32[2] nodes;
        uint64 window;
        uint32 index;
        uint32 depth;
        uint64 deadline;
        bool[2] named;
        bool ended;
        uint256[2] ids;
    }

    /// @notice Longest sheet in bytes: four seats a byte.
    uint256 public constant MAX_SHEET = 24_576;
    bytes32 private constant CHALLENGE = keccak256("settlement_challenge_blocks");
    bytes32 private constant MOVE = keccak256("settlement_move_blocks");
    bytes32 private constant BOND = keccak256("settlement_bond");
    bytes32 private constant SEATS = keccak256("audit_seats");
    bytes32 private constant REVEALED = bytes32(uint256(1));

    NeuronRegistry public immutable registry;
    RolloutLedger public immutable ledger;
    RewardPool public immutable pool;
    ValidatorSet public immutable validators;
    SettlementJudge public immutable judge;
    /// @dev A validator's commitment with the last bit zero, or, once revealed, the sheet's hash with the last bit one.
    mapping(uint64 window => mapping(address validator => bytes32)) private scores;
    mapping(uint64 window => Round) private rounds;
    mapping(uint64 window => Proposal[]) private proposals;
    Duel[] private duels;
    mapping(bytes32 pair => bool) private fought;

    struct Wiring {
        address timelock;
        GrailToken token;
        RewardPolicy policy;
        PauseSwitch pauseSwitch;
        NeuronRegistry registry;
        RolloutLedger ledger;
        RewardPool pool;
        ValidatorSet validators;
        SettlementJudge judge;
    }

    constructor(Wiring memory w) Bonds(w.timelock, w.token, w.policy, w.pauseSwitch) {
        registry = w.registry;
        ledger = w.ledger;
        pool = w.pool;
        validators = w.validators;
        judge = w.judge;
    }

    // Sheets

    /// @notice Commits to a sheet: keccak256(abi.encode(window, validator, keccak256(entries), report, salt)).
    function commitScores(uint64 window, bytes32 commitment) external {
        Timing memory t = ledger.schedule();
        Schedule.requireWithin(t.challengeBlock(window) + 1, t.scoreDeadline(window));
        address validator = _requireActive(window);
        if (scores[window][validator] != 0) revert Errors.AlreadyCommitted(window, validator);
        if (uint256(commitment) < 2) revert Errors.EmptyCommitment();
        scores[window][validator] = commitment & ~REVEALED;
        emit Events.ScoresCommitted(window, validator);
    }

    /// @notice Opens the commitment: the sheet itself, and the digest of the report in the object store.
    function revealScores(uint64 window, bytes calldata entries, bytes32 report, bytes32 salt) external {
        Timing memory t = ledger.schedule();
        Schedule.requireWithin(t.scoreDeadline(window) + 1, t.revealDeadline(window));
        address validator = _requireActive(window);
        if (entries.length > MAX_SHEET) revert Errors.SheetTooLong(entries.length, MAX_SHEET);
        bytes32 expected = scores[window][validator];
        if (expected & REVEALED != 0) revert Errors.AlreadyRevealed(window, validator);
        bytes32 sheet = keccak256(entries);
        bytes32 got = keccak256(abi.encode(window, validator, sheet, report, salt)) & ~REVEALED;
        if (expected != got) revert Errors.RevealMismatch(expected, got);
        scores[window][validator] = sheet | REVEALED;
        emit Events.ScoresRevealed(window, validator, entries, report);
    }

    // Statements

    /// @notice States what a window pays, with a bond. Anyone may, until the first statement's time is over.
    /// @param emission what RewardPool.emissionOf gives, so that nothing that happens in front can make it wrong
    function propose(uint64 window, Terms calldata terms, uint128 emission) external returns (uint256 id) {
        pauseSwitch.requireRunning();
        uint256 ended = ledger.schedule().revealDeadline(window);
        Schedule.requireWithin(ended + 1, type(uint256).max);
        if (ledger.countOf(window) == 0 || ledger.challengeOf(window) == 0) revert Errors.NothingToSettle(window);
        Round storage r = rounds[window];
        if (r.closed) revert Errors.AlreadySettled(window);
        bytes32 digest = keccak256(abi.encode(window, terms));
        _requireNew(window, digest);
        _requireWithinBudget(window, terms);
        if (r.standing == 0) {
            if (emission != pool.emissionOf(window)) revert Errors.WrongEmission(pool.emissionOf(window), emission);
            pool.reserve(emission);
            r.emission = emission;
            r.bond = uint128(policy.valueOf(BOND, ledger.startOf(window)));
        }
        if (r.deadline == 0) {
            uint256 latest = pauseSwitch.clockAt(ended) + 2 * _challenge(window);
            if (pauseSwitch.clock() > latest) revert Errors.TooLate(pauseSwitch.clock(), latest);
            r.deadline = uint64(pauseSwitch.clock() + _challenge(window));
            r.opened = uint64(block.number);
        } else if (pauseSwitch.clock() >= deadlineOf(window)) {
            revert Errors.TooLate(pauseSwitch.clock(), deadlineOf(window));
        }
        if (emission != r.emission) revert Errors.WrongEmission(r.emission, emission);
        ++r.standing;
        id = proposals[window].length;
        proposals[window].push(Proposal(digest, msg.sender, 0, true));
        _take(msg.sender, r.bond);
        emit Events.SettlementProposed(window, id, msg.sender, terms, emission, deadlineOf(window));
    }

    /// @notice Makes the only statement that stands final, once its time is over and no duel is open. Anyone may.
    function finalize(uint64 window, uint256 id, Terms calldata terms) external {
        pauseSwitch.requireRunning();
        Proposal storage p = _standing(window, id);
        _requireTerms(window, p, terms);
        Round storage r = rounds[window];
        if (r.standing != 1 || p.duels != 0) revert Errors.StillDisputed(window);
        uint256 until = deadlineOf(window);
        if (pauseSwitch.clock() < until) revert Errors.TooEarly(pauseSwitch.clock(), until);
        (r.closed, r.standing, p.standing) = (true, 0, false);
        pool.settle(window, terms, r.emission);
        _give(p.proposer, r.bond);
    }

    // Refutations

    /// @notice Fells a statement by showing one of its leaves to be wrong. Half its bond is the challenger's.
    /// @param leaves the leaf at `index` - 1 of the same tree (empty before the first), and that at `index`
    function refute(
        uint64 window,
        uint256 id,
        Terms calldata terms,
        uint256 index,
        SettlementLeaf[2] calldata leaves,
        bytes32[][2] calldata paths,
        Evidence calldata e
    ) external {
        Proposal storage p = _standing(window, id);
        _requireTerms(window, p, terms);
        _requireLeaf(window, terms.root, index, leaves[1], paths[1]);
        if (index > 0) _requireLeaf(window, terms.root, index - 1, leaves[0], paths[0]);
        if (_right(window, index, leaves[0], e) == LeafTree.digest(window, index, leaves[1])) revert Errors.NoFault();
        _fell(window, id, msg.sender);
        emit Events.SettlementRefuted(window, id, msg.sender, index);
    }

    /// @notice Fells a statement whose sums are not those that its leaves end in: of the miners, or of the validators.
    function refuteSums(
        uint64 window,
        uint256 id,
        Terms calldata terms,
        bool miners,
        SettlementLeaf calldata leaf,
        bytes32[] calldata path
    ) external {
        Proposal storage p = _standing(window, id);
        _requireTerms(window, p, terms);
        uint256 index = (miners ? ledger.countOf(window) : judge.sizeOf(window)) - 1;
        _requireLeaf(window, terms.root, index, leaf, path);
        bool right = leaf.whole == terms.whole && leaf.sum == (miners ? terms.due : terms.earned);
        if (right) revert Errors.NoFault();
        _fell(window, id, msg.sender);
        emit Events.SettlementRefuted(window, id, msg.sender, index);
    }

    /// @notice Sets two statements with different roots against each other. Anyone may, once for each pair.
    function openDuel(uint64 window, uint256 a, Terms calldata termsA, uint256 b, Terms calldata termsB)
        external
        returns (uint256 duel)
    {
        _requireTerms(window, _standing(window, a), termsA);
        _requireTerms(window, _standing(window, b), termsB);
        bytes32 pair = keccak256(abi.encode(window, a < b ? a : b, a < b ? b : a));
        if (fought[pair] || termsA.root == termsB.root) revert Errors.NothingToDo();
        fought[pair] = true;
        ++proposals[window][a].duels;
        ++proposals[window][b].duels;
        duel = duels.length;
        Duel storage d = duels.push();
        (d.nodes[0], d.nodes[1], d.ids[0], d.ids[1]) = (termsA.root, termsB.root, a, b);
        d.window = window;
        d.depth = uint32(LeafTree.depth(judge.sizeOf(window)));
        d.deadline = _move(window);
        emit Events.DuelOpened(window, duel, a, b, d.deadline);
    }

    /// @notice Names the sixteen nodes under a side's node, four levels down. Anyone who knows them may.
    function name(uint256 duel, uint256 side, bytes32[16] calldata nodes) external {
        Duel storage d = _open(duel);
        if (d.depth == 0 || d.named[side]) revert Errors.AlreadyNamed(duel, side);
        if (LeafTree.join(nodes) != d.nodes[side]) revert Errors.BadProof();
        d.named[side] = true;
        emit Events.NodesNamed(duel, side, nodes);
    }

    /// @notice Goes down to the first of the sixteen that differs, once both sides have named theirs.
    function descend(uint256 duel, bytes32[16] calldata a, bytes32[16] calldata b) external {
        Duel storage d = _open(duel);
        if (!d.named[0] || !d.named[1]) revert Errors.NotNamed(duel);
        if (LeafTree.join(a) != d.nodes[0] || LeafTree.join(b) != d.nodes[1]) revert Errors.BadProof();
        uint256 i = 0;
        while (a[i] == b[i]) ++i;
        (d.nodes[0], d.nodes[1]) = (a[i], b[i]);
        (d.named[0], d.named[1]) = (false, false);
        d.index = uint32(d.index * 16 + i);
        d.depth -= uint32(LeafTree.STEP);
        d.deadline = _move(d.window);
        emit Events.DuelDescended(duel, d.index, d.depth, d.deadline);
    }

    /// @notice Decides a duel at the first leaf that differs. The leaf before it stands in both trees.
    /// @param side whose tree `path` shows the leaf before in, whose terms are `terms`
    function decide(
        uint256 duel,
        uint256 side,
        Terms calldata terms,
        SettlementLeaf calldata before,
        bytes32[] calldata path,
        Evidence calldata e
    ) external {
        Duel storage d = _open(duel);
        if (d.depth != 0) revert Errors.NotAtALeaf(duel);
        uint64 window = d.window;
        if (d.index > 0) {
            _requireTerms(window, proposals[window][d.ids[side]], terms);
            _requireLeaf(window, terms.root, d.index - 1, before, path);
        }
        bytes32 right = d.index < judge.sizeOf(window) ? _right(window, d.index, before, e) : bytes32(0);
        _end(duel, d, d.nodes[0] == right, d.nodes[1] == right);
    }

    /// @notice Ends a duel whose time is over: who has not named its nodes falls. Where both have, or the leaf was not
    ///         decided, nobody who knows either tree was there: both fall. At once where a side has fallen elsewhere.
    function timeout(uint256 duel) external {
        pauseSwitch.requireRunning();
        Duel storage d = _open(duel);
        bool a = proposals[d.window][d.ids[0]].standing;
        bool b = proposals[d.window][d.ids[1]].standing;
        if (a && b) {
            if (pauseSwitch.clock() <= d.deadline) revert Errors.TooEarly(pauseSwitch.clock(), d.deadline + 1);
            (a, b) = (d.named[0] && !d.named[1], d.named[1] && !d.named[0]);
        }
        _end(duel, d, a, b);
    }

    // Reading

    /// @notice A validator's revealed sheet: its keccak-256 with the last bit set; zero where none was revealed.
    function sheetOf(uint64 window, address validator) public view returns (bytes32) {
        bytes32 word = scores[window][validator];
        return word & REVEALED == 0 ? bytes32(0) : word;
    }

    /// @notice The same of several, so that whoever read events can tell whether any are missing.
    function sheetsOf(uint64 window, address[] calldata who) external view returns (bytes32[] memory found) {
        found = new bytes32[](who.length);
        for (uint256 i = 0; i < who.length; ++i) {
            found[i] = sheetOf(window, who[i]);
        }
    }

    /// @notice A validator's score commitment, the last bit zero; once revealed, the sheet, the last bit one.
    function scoreCommit(uint64 window, address validator) external view returns (bytes32) {
        return scores[window][validator];
    }

    /// @notice What is stated for a window, and every statement with its number.
    function roundOf(uint64 window) external view returns (Round memory, Proposal[] memory) {
        return (rounds[window], proposals[window]);
    }

    /// @notice A window's last clock time for statements, and first for its end: the first statement's time, and after a
    ///         pause the whole of it again.
    function deadlineOf(uint64 window) public view returns (uint256 until) {
        Round storage r = rounds[window];
        until = r.deadline;
        uint256 resumed = pauseSwitch.pausedUntil();
        if (resumed <= r.opened || resumed > block.number) return until;
        uint256 again = pauseSwitch.clockAt(resumed) + _challenge(window);
        if (again > until) until = again;
    }

    /// @notice One duel.
    function duelOf(uint256 duel) external view returns (Duel memory) {
        if (duel >= duels.length) revert Errors.UnknownDuel(duel);
        return duels[duel];
    }

    /// @notice Number of duels so far.
    function duelCount() external view returns (uint256) {
        return duels.length;
    }

    // Bookkeeping

    /// @dev A side that loses pays: half to the other's proposer, half burnt; where both do, both are burnt to the half.
    function _end(uint256 duel, Duel storage d, bool aStands, bool bStands) private {
        d.ended = true;
        uint64 window = d.window;
        (uint256 a, uint256 b) = (d.ids[0], d.ids[1]);
        --proposals[window][a].duels;
        --proposals[window][b].duels;
        if (!aStands && proposals[window][a].standing) _fell(window, a, proposals[window][b].proposer);
        if (!bStands && proposals[window][b].standing) _fell(window, b, proposals[window][a].proposer);
        emit Events.DuelEnded(duel, aStands, bStands);
    }

    function _fell(uint64 window, uint256 id, address winner) private {
        pauseSwitch.requireRunning();
        Round storage r = rounds[window];
        proposals[window][id].standing = false;
        _forfeit(winner, r.bond);
        if (--r.standing == 0) pool.unreserve(r.emission);
    }

    /// @dev The active validator that the caller works for: it must have been active before the beacon could be known.
    function _requireActive(uint64 window) private view returns (address validator) {
        (validator,) = registry.requireWorker(msg.sender, Role.Validator);
        if (validators.stakeAt(validator, ledger.startOf(window) - 1) == 0) revert Errors.NotActive(validator);
    }

    /// @dev Sums that no leaves could have: they would mint more than the emission.
    function _requireWithinBudget(uint64 window, Terms calldata terms) private view {
        uint256 most = policy.valueOf(SEATS, ledger.startOf(window)) * terms.whole;
        if (terms.due > terms.whole || terms.earned > most) revert Errors.WrongTerms(window);
    }

    function _requireNew(uint64 window, bytes32 digest) private view {
        Proposal[] storage all = proposals[window];
        for (uint256 i = 0; i < all.length; ++i) {
            if (all[i].standing && all[i].digest == digest) revert Errors.AlreadyProposed(window);
        }
    }

    function _standing(uint64 window, uint256 id) private view returns (Proposal storage p) {
        if (id >= proposals[window].length) revert Errors.NotStanding(window, id);
        p = proposals[window][id];
        if (!p.standing) revert Errors.NotStanding(window, id);
    }

    function _requireTerms(uint64 window, Proposal storage p, Terms calldata terms) private view {
        if (p.digest != keccak256(abi.encode(window, terms))) revert Errors.WrongTerms(window);
    }

    function _requireLeaf(
        uint64 window,
        bytes32 root,
        uint256 index,
        SettlementLeaf calldata leaf,
        bytes32[] calldata path
    ) private view {
        uint256 size = judge.sizeOf(window);
        if (index >= size || path.length != LeafTree.depth(size)) revert Errors.BadProof();
        if (!LeafTree.leads(root, LeafTree.digest(window, index, leaf), index, path)) revert Errors.BadProof();
    }

    function _right(uint64 window, uint256 index, SettlementLeaf calldata before, Evidence calldata e)
        private
        view
        returns (bytes32)
    {
        return LeafTree.digest(window, index, judge.leafAt(window, index, before, e));
    }

    function _open(uint256 duel) private view returns (Duel storage d) {
        if (duel >= duels.length) revert Errors.UnknownDuel(duel);
        d = duels[duel];
        if (d.ended) revert Errors.AlreadyResolved(duel);
    }

    function _challenge(uint64 window) private view returns (uint256) {
        return policy.valueOf(CHALLENGE, ledger.startOf(window));
    }

    function _move(uint64 window) private view returns (uint64) {
        return uint64(pauseSwitch.clock() + policy.valueOf(MOVE, ledger.startOf(window)));
    }
}
