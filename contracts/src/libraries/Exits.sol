// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {Errors} from "./Errors.sol";

/// @title Stake on its way out of one neuron's pool. It is slashed pro rata until it is due, and never after.
/// @dev In shares, as the active pool: a slash needs no loop. Entries become due in the order in which they came, so
///      what is due is one number; it leaves the pool at one price, which is kept for whoever fetches it later. A pool
///      that a slash leaves worthless is closed, and the next generation begins empty: nobody's old entry stands in
///      anybody's way.
library Exits {
    using Checkpoints for Checkpoints.Trace208;

    uint256 private constant SCALE = 1e27;
    /// @dev Below a millionth of a wei a share, a pool is closed.
    uint256 private constant WIPED = 1e6;

    struct Pool {
        /// @dev wei that can still be slashed, and the shares in them
        uint128 held;
        uint128 shares;
        /// @dev wei that are due and not fetched
        uint128 due;
        uint32 generation;
        /// @dev shares that have left, of all that `queued` counts
        uint256 gone;
        /// @dev clock at which entries become due => shares of all entries due by then
        Checkpoints.Trace208 queued;
        /// @dev clock at which due shares left => wei per share, times SCALE
        Checkpoints.Trace208 prices;
        mapping(uint32 generation => uint256 clock) closedAt;
    }

    /// @notice Puts `amount` wei into the pool. An entry is never due before one that came earlier.
    function enter(Pool storage p, uint256 amount, uint256 readyAt)
        internal
        returns (uint128 shares, uint64 due, uint32 generation)
    {
        (, uint48 last,) = p.queued.latestCheckpoint();
        due = uint64(readyAt > last ? readyAt : last);
        uint256 minted = p.shares == 0 ? amount : amount * p.shares / p.held;
        if (minted == 0 || minted + p.shares > type(uint128).max) revert Errors.AmountTooSmall(amount);
        (p.held, p.shares) = (uint128(p.held + amount), uint128(p.shares + minted));
        p.queued.push(uint48(due), uint208(p.queued.latest() + minted));
        return (uint128(minted), due, p.generation);
    }

    /// @notice Takes an entry that is due out of the pool; returns its wei.
    function take(Pool storage p, uint256 shares, uint64 readyAt, uint32 generation, uint256 clock)
        internal
        returns (uint256 amount)
    {
        mature(p, clock);
        if (generation < p.generation && readyAt > p.closedAt[generation]) return 0;
        amount = shares * p.prices.lowerLookup(uint48(readyAt)) / SCALE;
        p.due -= uint128(amount);
    }

    /// @notice Takes up to `amount` wei of what is not due; the rest of a worthless pool goes with it.
    function slash(Pool storage p, uint256 amount, uint256 clock) internal returns (uint256 taken) {
        taken = amount;
        if ((p.held - amount) * WIPED < p.shares) {
            taken = p.held;
            p.closedAt[p.generation++] = clock;
            (p.gone, p.shares) = (p.queued.latest(), 0);
        }
        p.held -= uint128(taken);
    }

    /// @notice Lets go of what has become due, at the price of now.
    function mature(Pool storage p, uint256 clock) internal {
        uint256 leaving = _dueShares(p, clock);
        if (leaving == 0) return;
        p.prices.push(uint48(clock), uint208(uint256(p.held) * SCALE / p.shares));
        uint256 amount = leaving * p.held / p.shares;
        p.gone += leaving;
        (p.held, p.shares, p.due) = (uint128(p.held - amount), uint128(p.shares - leaving), uint128(p.due + amount));
    }

    /// @notice Wei that a slash could reach now.
    function slashable(Pool storage p, uint256 clock) internal view returns (uint256) {
        uint256 leaving = _dueShares(p, clock);
        return leaving == 0 ? p.held : p.held - leaving * p.held / p.shares;
    }

    /// @notice What an entry is worth now, in wei; `open` says that it can still be slashed.
    function worth(Pool storage p, uint256 shares, uint64 readyAt, uint32 generation, uint256 clock)
        internal
        view
        returns (uint256 amount, bool open)
    {
        if (generation < p.generation && readyAt > p.closedAt[generation]) return (0, false);
        (bool left, uint256 price) = _priceAt(p, readyAt);
        if (left) return (shares * price / SCALE, false);
        return (shares * p.held / p.shares, readyAt > clock);
    }

    function _priceAt(Pool storage p, uint64 readyAt) private view returns (bool left, uint256 price) {
        (, uint48 newest,) = p.prices.latestCheckpoint();
        return newest < readyAt ? (false, 0) : (true, uint256(p.prices.lowerLookup(uint48(readyAt))));
    }

    function _dueShares(Pool storage p, uint256 clock) private view returns (uint256) {
        if (p.shares == 0) return 0;
        uint256 ripe = p.queued.upperLookupRecent(uint48(clock));
        return ripe > p.gone ? ripe - p.gone : 0;
    }
}
