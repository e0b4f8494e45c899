// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {IWindows, IWorkers, MetagraphStake} from "./MetagraphStake.sol";
import {RewardPolicy} from "./RewardPolicy.sol";
import {Errors} from "./libraries/Errors.sol";
import {Events} from "./libraries/Events.sol";
import {Schedule, Timing} from "./libraries/Schedule.sol";
import {Role} from "./StakeVault.sol";

interface IStakes {
    function standingStake(address neuron) external view returns (uint256);
}

/// @title The active validators: the largest by stake, at most max_validators. What they decide, they decide by the
///        stake that they had before the window began: that of the vault, and what weightOf adds to it.
/// @dev A tree of partial sums over CAPACITY places, every node with its history by block. So "whose is point p of the
///      stake of block b" takes DEPTH reads, and nobody can be drawn who joined, or grew, after b. Idle, jailed and
///      displaced validators hold no place, nor does who has announced a rest. Places say nothing about rank.
contract ValidatorSet is MetagraphStake {
    using Checkpoints for Checkpoints.Trace208;
    using Checkpoints for Checkpoints.Trace160;
    using Schedule for Timing;

    /// @dev The window in which an announced rest can be taken; the time of one that was announced and not taken ends
    ///      with it, so that nobody keeps a way out in store.
    struct Rest {
        uint64 window;
        bool announced;
        bool taken;
    }

    struct Place {
        address holder;
        uint96 stake;
    }

    uint256 public constant CAPACITY = 128;
    bytes32 private constant MAX_VALIDATORS = keccak256("max_validators");

    /// @notice The StakeVault: it says what everybody's stake is.
    address public immutable vault;
    Place[CAPACITY] private places;
    /// @dev Bit i is set where place i is taken.
    uint256 private taken;
    /// @notice Active validators now.
    uint256 public count;
    /// @dev Node 1 is the root, node n has children 2n and 2n + 1, leaf i is node CAPACITY + i.
    mapping(uint256 node => Checkpoints.Trace208) private sums;
    mapping(uint256 place => Checkpoints.Trace160) private holders;
    /// @dev A validator's place, counted from one, by block; zero while it has none.
    mapping(address validator => Checkpoints.Trace208) private placeOf;
    mapping(address validator => Rest) private rests;

    constructor(RewardPolicy policy_, address vault_, IWorkers registry_, IWindows ledger_, uint16 netuid_)
        MetagraphStake(policy_, registry_, ledger_, netuid_)
    {
        vault = vault_;
    }

    /// @notice Records a validator's stake, zero where it may not work; vault only. Who has no place gets a free one.
    function update(address validator, uint256 stake) external {
        if (msg.sender != vault) revert Errors.Unauthorized(msg.sender);
        if (placeOf[validator].latest() != 0) {
            _weigh(validator, stake);
        } else if (stake != 0 && count < most() && !rests[validator].taken) {
            _occupy(validator, weightOf(validator, stake));
        }
    }

    /// @notice Weighs an active validator again: after a vote has changed metagraph_factor, or when the last reading of
    ///         its alpha has grown too old. Anyone may call.
    function reweigh(address validator) external {
        _reweigh(validator);
    }

    /// @notice Gives a validator a place: a free one, or that of the smallest, which must be smaller. Anyone may call.
    function sit(address validator) external {
        if (placeOf[validator].latest() != 0) revert Errors.AlreadySeated(validator);
        uint256 stake = IStakes(vault).standingStake(validator);
        if (stake == 0) revert Errors.NotActive(validator);
        if (rests[validator].taken) revert Errors.Resting(validator);
        stake = weightOf(validator, stake);
        uint256 limit = most();
        if (count > limit) revert Errors.SetTooLarge(count, limit);
        if (count == limit) {
            uint256 place = _smallest();
            if (stake <= places[place].stake) revert Errors.StakeTooLow(stake, uint256(places[place].stake) + 1);
            _vacate(place);
        }
        _occupy(validator, stake);
    }

    /// @notice Takes the smallest validator's place, where a vote has lowered max_validators. Anyone may call.
    function shrink() external {
        uint256 limit = most();
        if (count <= limit) revert Errors.NothingToDo();
        _vacate(_smallest());
    }

    /// @notice Says that the sender's validator will rest: it can leave the set in the next window, and no seat of a
    ///         window after that one is its own. Everything that it holds from before stays due.
    function announceRest() external {
        (address validator,) = registry.requireWorker(msg.sender, Role.Validator);
        if (rests[validator].taken) revert Errors.Resting(validator);
        Timing memory t = ledger.schedule();
        uint64 window = block.number < t.genesis ? 0 : t.windowOf(block.number) + 1;
        rests[validator] = Rest(window, true, false);
        emit Events.RestAnnounced(validator, window);
    }

    /// @notice Takes the place of a validator that has announced its rest for this window. Anyone may call.
    function rest(address validator) external {
        Rest storage r = rests[validator];
        uint256 place = placeOf[validator].latest();
        if (!r.announced || place == 0) revert Errors.NothingToDo();
        Timing memory t = ledger.schedule();
        Schedule.requireWithin(t.start(r.window), t.start(r.window + 1) - 1);
        r.taken = true;
        _vacate(place - 1);
    }

    /// @notice Withdraws the sender's announcement, or ends its rest: it can take a place again (`sit`).
    function endRest() external {
        (address validator,) = registry.requireWorker(msg.sender, Role.Validator);
        if (!rests[validator].announced) revert Errors.NothingToDo();
        delete rests[validator];
        emit Events.RestEnded(validator);
    }

    // Reading

    /// @notice For which window a validator has announced a rest, whether it has, and whether it has left the set for it.
    function restOf(address validator) external view returns (uint64 window, bool announced, bool taken_) {
        Rest storage r = rests[validator];
        return (r.window, r.announced, r.taken);
    }

    /// @notice Most validators that may be active.
    function most() public view returns (uint256) {
        return policy.valueOf(MAX_VALIDATORS, block.number);
    }

    /// @notice Stake of all active validators at the end of a past block, in wei.
    function totalAt(uint256 blockNumber) external view returns (uint256) {
        return _sumAt(1, _past(blockNumber));
    }

    /// @notice Where a validator's stake lay among all points of the active stake at the end of a past block: from
    ///         `start`, `stake` points long; both zero where it was not active.
    function rangeAt(address validator, uint256 blockNumber) public view returns (uint256 start, uint256 stake) {
        uint48 then_ = _past(blockNumber);
        uint256 place = placeOf[validator].upperLookupRecent(then_);
        if (place == 0) return (0, 0);
        uint256 node = CAPACITY + place - 1;
        stake = _sumAt(node, then_);
        for (; node > 1; node >>= 1) {
            if (node & 1 == 1) start += _sumAt(node - 1, then_);
        }
    }

    /// @notice Who held a place at the end of a past block, and where its stake lay; zeros where the place was empty.
    function placeAt(uint256 place, uint256 blockNumber)
        external
        view
        returns (address holder, uint256 start, uint256 stake)
    {
        holder = address(holders[place].upperLookupRecent(_past(blockNumber)));
        (start, stake) = rangeAt(holder, blockNumber);
        // who has moved on to another place held nothing here
        if (stake == 0 || placeOf[holder].upperLookupRecent(uint48(blockNumber)) != place + 1) {
            return (address(0), 0, 0);
        }
    }

    /// @notice An active validator's stake at the end of a past block, in wei; zero where it was not active.
    function stakeAt(address validator, uint256 blockNumber) external view returns (uint256 stake) {
        (, stake) = rangeAt(validator, blockNumber);
    }

    /// @notice Who held point `point` of the active stake at the end of a past block.
    function holderAt(uint256 point, uint256 blockNumber) external view returns (address) {
        uint48 then_ = _past(blockNumber);
        if (point >= _sumAt(1, then_)) revert Errors.NoSuchPoint(point);
        uint256 node = 1;
        while (node < CAPACITY) {
            node <<= 1;
            uint256 left = _sumAt(node, then_);
            if (point >= left) (node, point) = (node + 1, point - left);
        }
        return address(holders[node - CAPACITY].upperLookupRecent(then_));
    }

    /// @notice All places at the end of a past block: who held each (zero where it was empty), and its stake.
    function lineAt(uint256 blockNumber)
        external
        view
        returns (address[CAPACITY] memory who, uint256[CAPACITY] memory stakes)
    {
        uint48 then_ = _past(blockNumber);
        for (uint256 i = 0; i < CAPACITY; ++i) {
            stakes[i] = _sumAt(CAPACITY + i, then_);
            if (stakes[i] > 0) who[i] = address(holders[i].upperLookupRecent(then_));
        }
    }

    /// @notice True while a validator has a place.
    function isSeated(address validator) external view returns (bool) {
        return placeOf[validator].latest() != 0;
    }

    /// @notice All active validators and their stakes now, in the order of their places.
    function members() external view returns (address[] memory who, uint256[] memory stakes) {
        (who, stakes) = (new address[](count), new uint256[](count));
        uint256 next = 0;
        for (uint256 i = 0; i < CAPACITY; ++i) {
            if (taken >> i & 1 == 1) (who[next], stakes[next++]) = (places[i].holder, places[i].stake);
        }
    }

    // Bookkeeping

    function _reweigh(address validator) internal override {
        if (placeOf[validator].latest() != 0) _weigh(validator, IStakes(vault).standingStake(validator));
    }

    /// @dev Of a validator that has a place.
    function _weigh(address validator, uint256 stake) private {
        uint256 place = placeOf[validator].latest() - 1;
        if (stake == 0) _vacate(place);
        else _setStake(place, weightOf(validator, stake));
    }

    function _occupy(address validator, uint256 stake) private {
        uint256 place = 0;
        while (taken >> place & 1 == 1) ++place;
        taken |= 1 << place;
        ++count;
        places[place].holder = validator;
        placeOf[validator].push(uint48(block.number), uint208(place + 1));
        holders[place].push(uint96(block.number), uint160(validator));
        _setStake(place, stake);
        emit Events.Seated(validator, stake);
    }

    function _vacate(uint256 place) private {
        address validator = places[place].holder;
        _setStake(place, 0);
        taken &= ~(uint256(1) << place);
        --count;
        placeOf[validator].push(uint48(block.number), 0);
        emit Events.Unseated(validator);
    }

    function _setStake(uint256 place, uint256 stake) private {
        if (stake > type(uint96).max) revert Errors.StakeTooLow(type(uint96).max, stake);
        uint256 before = places[place].stake;
        if (before == stake) return;
        places[place].stake = uint96(stake);
        for (uint256 node = CAPACITY + place; node > 0; node >>= 1) {
            sums[node].push(uint48(block.number), uint208(sums[node].latest() - before + stake));
        }
    }

    function _smallest() private view returns (uint256 place) {
        uint256 least = type(uint256).max;
        for (uint256 i = 0; i < CAPACITY; ++i) {
            if (taken >> i & 1 == 0 || places[i].stake >= least) continue;
            (place, least) = (i, places[i].stake);
        }
    }

    function _sumAt(uint256 node, uint48 blockNumber) private view returns (uint256) {
        return sums[node].upperLookupRecent(blockNumber);
    }

    function _past(uint256 blockNumber) private view returns (uint48) {
        if (blockNumber >= block.number) revert Errors.NotPast(blockNumber, block.number);
        return uint48(blockNumber);
    }
}
