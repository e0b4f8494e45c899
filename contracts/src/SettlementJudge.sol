// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {FaultCourt} from "./FaultCourt.sol";
import {RewardPolicy} from "./RewardPolicy.sol";
import {RolloutLedger} from "./RolloutLedger.sol";
import {ValidatorSet} from "./ValidatorSet.sol";
import {Commitment} from "./libraries/Commitments.sol";
import {Errors} from "./libraries/Errors.sol";
import {Schedule, Timing} from "./libraries/Schedule.sol";
import {Pledges} from "./libraries/Pledges.sol";
import {Evidence, LeafTree, SettlementLeaf, UNJUDGED} from "./libraries/Settlements.sol";
import {Sheets} from "./libraries/Sheets.sol";
import {Sortition} from "./libraries/Sortition.sol";

interface ISheets {
    function sheetOf(uint64 window, address validator) external view returns (bytes32);
}

/// @title What a window pays, one leaf at a time, from chain data alone. Twin of grail/settlement/reckoning.py.
/// @dev Reads: pledges, commitments and their order (RolloutLedger), the active set of before the window (ValidatorSet), the
///      challenge, the revealed sheets (ScoreBoard), convictions up to the reveal deadline (FaultCourt), the window's
///      policy. For given leaf before there is exactly one right leaf, whoever asks and whatever evidence is shown:
///      what does not fit the chain is refused.
contract SettlementJudge {
    using Schedule for Timing;

    RewardPolicy public immutable policy;
    RolloutLedger public immutable ledger;
    ValidatorSet public immutable validators;
    FaultCourt public immutable court;
    ISheets public immutable board;

    /// @dev What a window's draw follows from.
    struct Draw {
        uint64 window;
        bytes32 seed;
        uint256 total;
        uint256 seats;
        uint256 stakeBlock;
        uint256 commitments;
    }

    /// @dev A validator's stretch of the stake, and how far its page has been read.
    struct Reader {
        uint256 start;
        uint256 stake;
        uint256 at_;
        uint256 entries;
        uint256 rank;
    }

    constructor(
        RewardPolicy policy_,
        RolloutLedger ledger_,
        ValidatorSet validators_,
        FaultCourt court_,
        ISheets board_
    ) {
        policy = policy_;
        ledger = ledger_;
        validators = validators_;
        court = court_;
        board = board_;
    }

    /// @notice Number of leaves of a window.
    function sizeOf(uint64 window) public view returns (uint256) {
        return LeafTree.size(ledger.countOf(window), validators.CAPACITY());
    }

    /// @notice The leaf that must stand at `index` after `before`, the leaf at `index` - 1 (empty before the first).
    function leafAt(uint64 window, uint256 index, SettlementLeaf calldata before, Evidence calldata e)
        external
        view
        returns (SettlementLeaf memory)
    {
        Draw memory d = _draw(window);
        return index < d.commitments ? _miner(d, index, before, e) : _validator(d, index - d.commitments, before, e);
    }

    /// @notice What a validator's revealed sheet says of a submission, in all seats that it has there: 1 where one
    ///         accepts, 2 where one rejects, and 4 for each that abstains, added.
    function saysOf(Commitment calldata c, address validator, bytes calldata sheet) external view returns (uint256) {
        return _saysOf(_draw(c.window), ledger.numberOf(c) - 1, validator, sheet);
    }

    /// @notice True where no seat accepted or rejected a submission, and not for want of its blob, as most seats would say.
    /// @param sheets as in the submission's leaf
    function unjudged(Commitment calldata c, bytes[] calldata sheets) external view returns (bool) {
        Draw memory d = _draw(c.window);
        uint256 deadline = ledger.schedule().revealDeadline(c.window);
        if (block.number <= deadline) revert Errors.TooEarly(block.number, deadline + 1);
        (bool payable_, uint8 holds) = _verdicts(d, ledger.numberOf(c) - 1, sheets);
        return payable_ && holds == UNJUDGED;
    }

    // A miner's leaf

    function _miner(Draw memory d, uint256 index, SettlementLeaf calldata before, Evidence calldata e)
        private
        view
        returns (SettlementLeaf memory leaf)
    {
        if (e.commitments.length == 0) revert Errors.BadEvidence();
        Commitment calldata c = e.commitments[0];
        if (c.window != d.window || ledger.numberOf(c) != index + 1) revert Errors.BadEvidence();
        leaf.account = c.miner;
        (leaf.whole, leaf.sum) = (before.whole, before.sum);
        if (_convictedInTime(c)) return leaf;
        leaf.whole += c.worth;
        (bool payable_, uint8 holds) = _verdicts(d, index, e.sheets);
        uint128 paid = _paid(d, e.commitments);
        if (!payable_) return leaf;
        (leaf.value, leaf.holds) = (paid, holds);
        if (leaf.holds == 0) leaf.sum += paid;
    }

    /// @dev The part of a submission's worth that is paid (Pledges), by the last reliability_windows windows in which
    ///      anybody worked at all.
    /// @param shown the submission, then what its miner committed in those windows, oldest first
    function _paid(Draw memory d, Commitment[] calldata shown) private view returns (uint128) {
        Commitment calldata c = shown[0];
        uint64 windows = uint64(policy.valueAt("reliability_windows", d.stakeBlock + 1));
        uint256 next = 1;
        Pledges.Record memory r;
        r.pledged = ledger.pledgeOf(c.window, c.miner);
        for (uint64 v = c.window > windows ? c.window - windows : 0; v < c.window; ++v) {
            if (ledger.countOf(v) == 0) continue;
            uint256 delivered = 0;
            if (ledger.commitmentOf(v, c.miner) != 0) {
                if (next == shown.length) revert Errors.BadEvidence();
                Commitment calldata past = shown[next++];
                if (past.window != v || past.miner != c.miner) revert Errors.BadEvidence();
                ledger.requireCommitted(past);
                delivered = past.groups;
            }
            Pledges.add(r, ledger.pledgeOf(v, c.miner), delivered);
        }
        if (next != shown.length) revert Errors.BadEvidence();
        return uint128(Pledges.paid(r, c.worth, c.groups));
    }

    /// @dev How many of those who hold the seats reject; UNJUDGED where none of them answers. Not payable where more than
    ///      half of the seats, unanswered as they are, abstain: so they say of work that nobody can fetch.
    function _verdicts(Draw memory d, uint256 index, bytes[] calldata sheets)
        private
        view
        returns (bool payable_, uint8 holds)
    {
        bool answered;
        uint256 abstained;
        (address[] memory who, uint256 count) = _holders(d, index);
        if (count != sheets.length) revert Errors.BadEvidence();
        for (uint256 i = 0; i < count; ++i) {
            uint256 said = _saysOf(d, index, who[i], sheets[i]);
            answered = answered || said & 3 != 0;
            if (said & 2 == 2) ++holds;
            abstained += said >> 2;
        }
        payable_ = answered || 2 * abstained <= d.seats;
        if (!answered) holds = UNJUDGED;
    }

    /// @dev Who holds the seats of a submission, in the order in which seats first name them.
    function _holders(Draw memory d, uint256 index) private view returns (address[] memory who, uint256 count) {
        who = new address[](d.seats);
        for (uint256 seat = 0; seat < d.seats; ++seat) {
            address holder = validators.holderAt(_point(d, index, seat), d.stakeBlock);
            uint256 i = 0;
            while (i < count && who[i] != holder) ++i;
            if (i == count) who[count++] = holder;
        }
    }

    /// @dev What a validator says of one submission; nothing where it revealed no sheet.
    function _saysOf(Draw memory d, uint256 index, address validator, bytes calldata sheet)
        private
        view
        returns (uint256)
    {
        if (!_revealed(d.window, validator, sheet)) return 0;
        (uint256 start, uint256 stake) = validators.rangeAt(validator, d.stakeBlock);
        return _says(d, index, start, stake, sheet);
    }

    /// @dev What a sheet says of one submission, over all seats that the stretch has in it: 1 for an accept, 2 for a
    ///      reject, 4 for each that abstains, added.
    function _says(Draw memory d, uint256 index, uint256 start, uint256 stake, bytes calldata sheet)
        private
        pure
        returns (uint256 said)
    {
        uint256 page = index / LeafTree.PAGE;
        Reader memory r = Reader(start, stake, 0, 0, 0);
        (r.at_, r.entries) = Sheets.find(sheet, page);
        for (uint256 i = page * LeafTree.PAGE; i <= index; ++i) {
            (,, said) = _next(d, i, r, sheet);
        }
    }

    /// @dev Reads a validator's entries on one submission: how many seats it has there, in how many it accepts or
    ///      rejects, and what it says.
    function _next(Draw memory d, uint256 index, Reader memory r, bytes calldata sheet)
        private
        pure
        returns (uint256 seats, uint256 answered, uint256 said)
    {
        for (uint256 seat = 0; seat < d.seats; ++seat) {
            uint256 point = _point(d, index, seat);
            if (point < r.start || point - r.start >= r.stake) continue;
            ++seats;
            uint256 found = r.rank < r.entries ? Sheets.read(sheet, r.at_, r.rank) : Sheets.SILENT;
            ++r.rank;
            if (found == Sheets.ABSTAIN) said += 4;
            if (found != Sheets.ACCEPT && found != Sheets.REJECT) continue;
            ++answered;
            said |= found;
        }
    }

    // A validator's leaf

    function _validator(Draw memory d, uint256 index, SettlementLeaf calldata before, Evidence calldata e)
        private
        view
        returns (SettlementLeaf memory leaf)
    {
        uint256 pages = LeafTree.pages(d.commitments);
        uint256 page = index % pages;
        uint256 start;
        uint256 stake;
        (leaf.account, start, stake) = validators.placeAt(index / pages, d.stakeBlock);
        uint128 worth = _judged(d, page, leaf.account, start, stake, e);
        leaf.value = (page == 0 ? 0 : before.value) + worth;
        leaf.whole = before.whole;
        leaf.sum = (index == 0 ? 0 : before.sum) + worth;
    }

    /// @dev Worth that a validator's seats have judged in one page: accepted or rejected, not silent, not abstained.
    function _judged(Draw memory d, uint256 page, address holder, uint256 start, uint256 stake, Evidence calldata e)
        private
        view
        returns (uint128 worth)
    {
        if (e.sheets.length != 1) revert Errors.BadEvidence();
        bytes calldata sheet = e.sheets[0];
        if (stake == 0 || !_revealed(d.window, holder, sheet)) {
            if (e.commitments.length != 0) revert Errors.BadEvidence();
            return 0;
        }
        Reader memory r = Reader(start, stake, 0, 0, 0);
        (r.at_, r.entries) = Sheets.find(sheet, page);
        uint256 next = 0;
        for (uint256 i = page * LeafTree.PAGE; i < (page + 1) * LeafTree.PAGE && i < d.commitments; ++i) {
            (uint256 seats, uint256 answered,) = _next(d, i, r, sheet);
            if (seats == 0) continue;
            if (next == e.commitments.length) revert Errors.BadEvidence();
            Commitment calldata c = e.commitments[next++];
            if (c.window != d.window || ledger.numberOf(c) != i + 1) revert Errors.BadEvidence();
            if (answered > 0 && !_convictedInTime(c)) worth += uint128(answered * c.worth);
        }
        if (next != e.commitments.length) revert Errors.BadEvidence();
    }

    // What both read

    function _draw(uint64 window) private view returns (Draw memory d) {
        d.window = window;
        bytes32 challenge = ledger.challengeOf(window);
        if (challenge == 0) revert Errors.NotSealed(window);
        d.seed = Sortition.committee(challenge);
        uint256 start = ledger.startOf(window);
        d.stakeBlock = start - 1;
        d.total = validators.totalAt(d.stakeBlock);
        d.seats = d.total == 0 ? 0 : policy.valueAt("audit_seats", start);
        d.commitments = ledger.countOf(window);
    }

    function _point(Draw memory d, uint256 index, uint256 seat) private pure returns (uint256) {
        return Sortition.point(d.seed, index * d.seats + seat, d.total);
    }

    /// @dev Has the validator revealed a sheet? Then it must be this one; else none must be shown.
    function _revealed(uint64 window, address validator, bytes calldata sheet) private view returns (bool) {
        bytes32 stored = board.sheetOf(window, validator);
        if (stored == 0 ? sheet.length != 0 : stored != keccak256(sheet) | bytes32(uint256(1))) {
            revert Errors.BadEvidence();
        }
        return stored != 0;
    }

    function _convictedInTime(Commitment calldata c) private view returns (bool) {
        uint256 at_ = court.convictedAt(c.window, c.miner);
        return at_ != 0 && at_ <= ledger.schedule().revealDeadline(c.window);
    }
}
