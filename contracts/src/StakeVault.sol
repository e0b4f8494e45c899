// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {Governed} from "./Governed.sol";
import {PauseSwitch} from "./PauseSwitch.sol";
import {RewardPolicy} from "./RewardPolicy.sol";
import {ValidatorSet} from "./ValidatorSet.sol";
import {Errors} from "./libraries/Errors.sol";
import {Events} from "./libraries/Events.sol";
import {Exits} from "./libraries/Exits.sol";

enum Role {
    None,
    Miner,
    Validator,
    Trainer
}

/// @title All stake: the neurons' own and what others delegate to them, unbonding, rewards of delegators, votes.
/// @dev A pool for each neuron, in shares: a slash lowers what a share is worth, so everybody in the pool bears it pro
///      rata without a loop. Stake that is unbonding sits in a second pool of the neuron and is slashed with it.
///      Rewards are not stake: the neuron's part is paid out at once, the delegators' is collected by them.
contract StakeVault is Governed {
    using SafeERC20 for IERC20;
    using Checkpoints for Checkpoints.Trace208;
    using Exits for Exits.Pool;

    /// @dev `stake` and `shares` are the newest values of the histories below, once more: most readers want no other.
    struct Pool {
        // one word: all that a claim reads where nobody delegates
        uint128 shares;
        uint128 ownShares;
        // one word: with the first, all that a commitment reads
        uint128 stake;
        Role role;
        bool counted;
        uint16 commissionBps;
        uint16 nextCommissionBps;
        uint40 commissionFrom;
        /// @dev block from which the neuron has been able to work without a break; zero while it is not
        uint40 standingSince;
        uint256 rewardPerShare;
    }

    struct Position {
        uint256 paidPerShare;
        uint256 owed;
    }

    struct Exit {
        address neuron;
        uint64 readyAt;
        uint32 generation;
        uint128 shares;
    }

    uint256 public constant MAX_POSITIONS = 16;
    uint256 public constant MAX_EXITS = 8;
    /// @notice Part of the role's minimum below which a neuron may not work: who joined with the minimum survives a
    ///         few fines. To join, and to leave some of it behind, takes the whole.
    uint256 public constant STANDING_BPS = 9_000;
    uint256 private constant BPS = 10_000;
    uint256 private constant SCALE = 1e27;
    bytes32 private constant MIN_STAKE_MINER = keccak256("min_stake_miner");
    bytes32 private constant MIN_STAKE_VALIDATOR = keccak256("min_stake_validator");
    bytes32 private constant MIN_STAKE_TRAINER = keccak256("min_stake_trainer");
    /// @dev A pool whose shares are worth less than a millionth of a wei each takes no more stake.
    uint256 private constant WIPED = 1e6;

    IERC20 public immutable token;
    RewardPolicy public immutable policy;
    PauseSwitch public immutable pauseSwitch;
    ValidatorSet public immutable validators;
    address public immutable registry;
    address public immutable rewardPool;
    address public immutable court;
    address public immutable jury;
    /// @notice Wei that the vault owes: stake, unbonding stake, uncollected rewards.
    uint256 public totalOwed;
    mapping(address neuron => Pool) private pools;
    mapping(address neuron => Exits.Pool) private leaving;
    mapping(address neuron => Checkpoints.Trace208) private stakes;
    mapping(address neuron => Checkpoints.Trace208) private totalShares;
    mapping(address neuron => mapping(address staker => Checkpoints.Trace208)) private shares;
    mapping(address neuron => mapping(address staker => Position)) private positions;
    mapping(address staker => address[]) private joined;
    mapping(address staker => Exit[]) private exits;

    struct Wiring {
        address timelock;
        IERC20 token;
        RewardPolicy policy;
        PauseSwitch pauseSwitch;
        ValidatorSet validators;
        address registry;
        address rewardPool;
        address court;
        address jury;
    }

    constructor(Wiring memory w) Governed(w.timelock) {
        token = w.token;
        policy = w.policy;
        pauseSwitch = w.pauseSwitch;
        validators = w.validators;
        registry = w.registry;
        rewardPool = w.rewardPool;
        court = w.court;
        jury = w.jury;
    }

    // What anybody may do with their own tokens

    /// @notice Stakes on a neuron, one's own or another's, for a share in its rewards and slashes.
    function stake(address neuron, uint128 amount) external {
        _stake(neuron, msg.sender, amount);
    }

    /// @notice Asks stake back. It works and votes no more, can be slashed until it is due, and is withdrawn then.
    /// @dev Of a neuron's own stake, nothing or at least the role's minimum must stay.
    function requestUnstake(address neuron, uint128 amount) external {
        if (exits[msg.sender].length == MAX_EXITS) revert Errors.QueueFull();
        uint256 held = shares[neuron][msg.sender].latest();
        uint256 pooled = uint256(pools[neuron].stake);
        uint256 all = uint256(pools[neuron].shares);
        uint256 worth = all == 0 ? 0 : held * pooled / all;
        if (amount == 0 || amount > worth) revert Errors.StakeTooLow(worth, amount);
        uint256 burnt = amount == worth ? held : _ceilDiv(uint256(amount) * all, pooled);
        _moveShares(neuron, msg.sender, held - burnt);
        _setTotals(neuron, pooled - amount, all - burnt);
        if (neuron == msg.sender) {
            uint256 left = ownStakeOf(neuron);
            uint256 minimum = minimumStake(pools[neuron].role);
            if (left != 0 && left < minimum) revert Errors.StakeTooLow(left, minimum);
        }
        uint256 readyAt = pauseSwitch.clock() + policy.get("unbonding_blocks");
        (uint128 minted, uint64 due, uint32 generation) = leaving[neuron].enter(amount, readyAt);
        exits[msg.sender].push(Exit(neuron, due, generation, minted));
        emit Events.UnstakeRequested(neuron, msg.sender, amount, due);
    }

    /// @notice Pays out every unbonding entry of the caller that is due. Also while paused: what was due is due.
    function withdraw() external returns (uint256 amount) {
        Exit[] storage queue = exits[msg.sender];
        uint256 nowClock = pauseSwitch.clock();
        uint256 found = 0;
        for (uint256 i = 0; i < queue.length;) {
            Exit memory entry = queue[i];
            if (entry.readyAt <= nowClock) {
                ++found;
                amount += leaving[entry.neuron].take(entry.shares, entry.readyAt, entry.generation, nowClock);
                queue[i] = queue[queue.length - 1];
                queue.pop();
            } else {
                ++i;
            }
        }
        if (found == 0) revert Errors.NothingToWithdraw();
        totalOwed -= amount;
        token.safeTransfer(msg.sender, amount);
        emit Events.Withdrawn(msg.sender, amount);
    }

    /// @notice Gives up a position that slashes have left worthless, and its place among the caller's sixteen.
    function abandon(address neuron) external {
        if (shares[neuron][msg.sender].latest() == 0 || positionOf(neuron, msg.sender) != 0) {
            revert Errors.NothingToDo();
        }
        uint256 left = uint256(pools[neuron].shares) - shares[neuron][msg.sender].latest();
        _moveShares(neuron, msg.sender, 0);
        _setTotals(neuron, pools[neuron].stake, left);
    }

    /// @notice Pays the caller its rewards from delegating to `neuron`.
    function collect(address neuron) external returns (uint256 amount) {
        pauseSwitch.requireRunning();
        _settleRewards(neuron, msg.sender);
        Position storage position = positions[neuron][msg.sender];
        amount = position.owed;
        if (amount == 0) revert Errors.NothingToWithdraw();
        position.owed = 0;
        totalOwed -= amount;
        token.safeTransfer(msg.sender, amount);
        emit Events.Collected(neuron, msg.sender, amount);
    }

    /// @notice Announces the part of delegators' rewards that the calling neuron keeps; holds after the notice.
    function announceCommission(uint16 bps) external {
        if (bps > BPS) revert Errors.SplitAboveOne(bps);
        Pool storage pool = _pool(msg.sender);
        pool.commissionBps = uint16(commissionOf(msg.sender));
        pool.nextCommissionBps = bps;
        pool.commissionFrom = uint40(pauseSwitch.clock() + policy.get("commission_notice_blocks"));
        emit Events.CommissionAnnounced(msg.sender, bps, pool.commissionFrom);
    }

    /// @notice Looks again whether a neuron may work, after a vote has changed its role's minimum. Anyone may call.
    function review(address neuron) external {
        _pool(neuron);
        _setStanding(neuron);
    }

    // What the other contracts do

    /// @notice Opens a neuron's pool with its first own stake; registry only.
    function open(address neuron, Role role, uint16 commissionBps, uint128 amount) external {
        if (msg.sender != registry) revert Errors.Unauthorized(msg.sender);
        if (commissionBps > BPS) revert Errors.SplitAboveOne(commissionBps);
        uint256 minimum = minimumStake(role);
        if (amount < minimum) revert Errors.StakeTooLow(amount, minimum);
        Pool storage pool = pools[neuron];
        pool.role = role;
        pool.counted = true;
        pool.commissionBps = commissionBps;
        pool.nextCommissionBps = commissionBps;
        emit Events.CommissionAnnounced(neuron, commissionBps, pauseSwitch.clock());
        _stake(neuron, neuron, amount);
    }

    /// @notice Bars a jailed neuron from work, or lets it work again; registry only.
    function setCounted(address neuron, bool counted) external {
        if (msg.sender != registry) revert Errors.Unauthorized(msg.sender);
        _pool(neuron).counted = counted;
        _setStanding(neuron);
    }

    /// @notice Takes up to `amount` from a neuron's pool, active and unbonding pro rata; court and jury only.
    /// @return slashed what was really taken and sent to the caller: never more than the pool holds
    /// @return own what of it was the neuron's own
    function slash(address neuron, uint256 amount) external returns (uint256 slashed, uint256 own) {
        if (msg.sender != court && msg.sender != jury) revert Errors.Unauthorized(msg.sender);
        Pool storage pool = _pool(neuron);
        Exits.Pool storage exiting = leaving[neuron];
        exiting.mature(pauseSwitch.clock());
        uint256 active = pool.stake;
        uint256 whole = active + exiting.held;
        if (amount > whole) amount = whole;
        if (amount == 0) return (0, 0);
        uint256 fromExit = amount * exiting.held / whole;
        uint256 fromActive = amount - fromExit;
        own = pool.shares == 0 ? 0 : fromActive * pool.ownShares / pool.shares;
        if (fromExit > 0) own += fromExit * _ownExitShares(neuron) / exiting.shares;
        slashed = fromActive + exiting.slash(fromExit, pauseSwitch.clock());
        _setTotals(neuron, active - fromActive, pool.shares);
        totalOwed -= slashed;
        token.safeTransfer(msg.sender, slashed);
        emit Events.Slashed(neuron, slashed);
    }

    /// @notice Divides a neuron's reward; reward pool only, which then pays `own` to the neuron and `rest` to here.
    function divide(address neuron, uint256 amount) external returns (uint256 own, uint256 rest) {
        if (msg.sender != rewardPool) revert Errors.Unauthorized(msg.sender);
        Pool storage pool = pools[neuron];
        uint256 all = pool.shares;
        uint256 others = all - pool.ownShares;
        if (others == 0) return (amount, 0);
        rest = amount * others / all;
        rest -= rest * commissionOf(neuron) / BPS;
        own = amount - rest;
        pool.rewardPerShare += rest * SCALE / others;
        totalOwed += rest;
    }

    // Reading

    /// @notice Active stake of a neuron's pool in wei, delegations included.
    function stakeOf(address neuron) external view returns (uint256) {
        return pools[neuron].stake;
    }

    /// @notice Active stake of a neuron's pool at the end of a past block, in wei.
    function stakeAt(address neuron, uint256 blockNumber) external view returns (uint256) {
        _requirePast(blockNumber);
        return stakes[neuron].upperLookupRecent(uint48(blockNumber));
    }

    /// @notice What the neuron itself has in its pool, in wei.
    function ownStakeOf(address neuron) public view returns (uint256) {
        Pool storage pool = pools[neuron];
        return pool.shares == 0 ? 0 : uint256(pool.ownShares) * pool.stake / pool.shares;
    }

    /// @notice A neuron's stake if it has this role and may work: not jailed, and with nine tenths of the role's
    ///         minimum of its own; else zero.
    function workingStake(address neuron, Role role) public view returns (uint256) {
        Pool storage pool = pools[neuron];
        return pool.role == role && _mayWork(neuron) ? pool.stake : 0;
    }

    /// @notice The same, but only where it could work without a break since the end of a past block, and no more than
    ///         its stake of then: nothing that came later counts.
    function workingStakeSince(address neuron, Role role, uint256 blockNumber) external view returns (uint256) {
        uint256 since = pools[neuron].standingSince;
        if (since == 0 || since > blockNumber) return 0;
        uint256 now_ = workingStake(neuron, role);
        uint256 then_ = stakes[neuron].upperLookupRecent(uint48(blockNumber));
        return now_ < then_ ? now_ : then_;
    }

    /// @notice A validator's stake if it may work; else zero.
    function standingStake(address neuron) external view returns (uint256) {
        return workingStake(neuron, Role.Validator);
    }

    /// @notice What `staker` has in a neuron's pool, in wei.
    function positionOf(address neuron, address staker) public view returns (uint256) {
        Pool storage pool = pools[neuron];
        return pool.shares == 0 ? 0 : shares[neuron][staker].latest() * pool.stake / pool.shares;
    }

    /// @notice Active stake and what unbonds and is not due, in wei: what a slash can reach.
    function slashableStake(address neuron) external view returns (uint256) {
        return uint256(pools[neuron].stake) + unbondingOf(neuron);
    }

    /// @notice Stake on its way out that can still be slashed, in wei.
    function unbondingOf(address neuron) public view returns (uint256) {
        return leaving[neuron].slashable(pauseSwitch.clock());
    }

    /// @notice All stake that the vault holds for a neuron's pool: active, unbonding, due; in wei.
    function heldFor(address neuron) external view returns (uint256) {
        return uint256(pools[neuron].stake) + leaving[neuron].held + leaving[neuron].due;
    }

    /// @notice Votes of a staker's active stake at the end of a past block, in wei: staked tokens keep their votes.
    /// @dev Exact, slashes included, over at most MAX_POSITIONS pools. Who has left a pool has left its votes.
    function getPastVotes(address staker, uint256 blockNumber) external view returns (uint256 votes) {
        _requirePast(blockNumber);
        address[] storage list = joined[staker];
        for (uint256 i = 0; i < list.length; ++i) {
            uint48 then_ = uint48(blockNumber);
            uint256 all = totalShares[list[i]].upperLookupRecent(then_);
            if (all == 0) continue;
            votes += shares[list[i]][staker].upperLookupRecent(then_) * stakes[list[i]].upperLookupRecent(then_) / all;
        }
    }

    /// @notice Rewards that `staker` may collect from delegating to `neuron`, in wei.
    function collectable(address neuron, address staker) external view returns (uint256) {
        return positions[neuron][staker].owed + _pending(neuron, staker);
    }

    /// @notice Commission that holds now, in basis points.
    function commissionOf(address neuron) public view returns (uint256) {
        Pool storage pool = pools[neuron];
        if (pool.commissionBps == pool.nextCommissionBps) return pool.commissionBps;
        return pauseSwitch.clock() < pool.commissionFrom ? pool.commissionBps : pool.nextCommissionBps;
    }

    /// @notice A neuron's pool.
    function poolOf(address neuron) external view returns (Pool memory) {
        return pools[neuron];
    }

    /// @notice The pools that a staker is in.
    function poolsOf(address staker) external view returns (address[] memory) {
        return joined[staker];
    }

    /// @notice A staker's unbonding entries, and what each is worth now in wei.
    function exitsOf(address staker) external view returns (Exit[] memory queue, uint256[] memory worth) {
        queue = exits[staker];
        worth = new uint256[](queue.length);
        uint256 nowClock = pauseSwitch.clock();
        for (uint256 i = 0; i < queue.length; ++i) {
            Exit memory e = queue[i];
            (worth[i],) = leaving[e.neuron].worth(e.shares, e.readyAt, e.generation, nowClock);
        }
    }

    /// @notice Minimum own stake of a role in wei.
    function minimumStake(Role role) public view returns (uint256) {
        if (role == Role.Miner) return policy.valueOf(MIN_STAKE_MINER, block.number);
        if (role == Role.Validator) return policy.valueOf(MIN_STAKE_VALIDATOR, block.number);
        return policy.valueOf(MIN_STAKE_TRAINER, block.number);
    }

    // Bookkeeping

    function _stake(address neuron, address staker, uint128 amount) private {
        Pool storage pool = _pool(neuron);
        if (amount == 0) revert Errors.StakeTooLow(0, 1);
        uint256 pooled = uint256(pool.stake);
        uint256 all = uint256(pool.shares);
        if (pooled * WIPED < all) revert Errors.PoolWiped(neuron);
        uint256 minted = all == 0 ? amount : uint256(amount) * all / pooled;
        _moveShares(neuron, staker, shares[neuron][staker].latest() + minted);
        _setTotals(neuron, pooled + amount, all + minted);
        totalOwed += amount;
        emit Events.Staked(neuron, staker, amount, uint8(pool.role));
        token.safeTransferFrom(staker, address(this), amount);
    }

    /// @dev Settles the staker's rewards, then sets its shares.
    function _moveShares(address neuron, address staker, uint256 after_) private {
        _settleRewards(neuron, staker);
        uint256 before = shares[neuron][staker].latest();
        if (before == 0 && after_ > 0) {
            if (joined[staker].length == MAX_POSITIONS) revert Errors.TooManyPools(MAX_POSITIONS);
            joined[staker].push(neuron);
        } else if (before > 0 && after_ == 0) {
            _leave(joined[staker], neuron);
        }
        shares[neuron][staker].push(uint48(block.number), uint208(after_));
        if (neuron == staker) pools[neuron].ownShares = uint128(after_);
        emit Events.SharesChanged(neuron, staker, after_);
    }

    function _leave(address[] storage list, address neuron) private {
        for (uint256 i = 0; i < list.length; ++i) {
            if (list[i] == neuron) {
                list[i] = list[list.length - 1];
                list.pop();
                return;
            }
        }
    }

    function _settleRewards(address neuron, address staker) private {
        Position storage position = positions[neuron][staker];
        position.owed += _pending(neuron, staker);
        position.paidPerShare = pools[neuron].rewardPerShare;
    }

    /// @dev A neuron's own shares earn nothing here: `divide` pays it at once.
    function _pending(address neuron, address staker) private view returns (uint256) {
        if (neuron == staker) return 0;
        uint256 perShare = pools[neuron].rewardPerShare - positions[neuron][staker].paidPerShare;
        return shares[neuron][staker].latest() * perShare / SCALE;
    }

    function _setTotals(address neuron, uint256 pooled, uint256 all) private {
        Pool storage pool = pools[neuron];
        if (all > type(uint128).max) revert Errors.PoolWiped(neuron);
        stakes[neuron].push(uint48(block.number), uint208(pooled));
        if (pool.shares != all) totalShares[neuron].push(uint48(block.number), uint208(all));
        (pool.stake, pool.shares) = (uint128(pooled), uint128(all));
        emit Events.PoolChanged(neuron, pooled, all);
        _setStanding(neuron);
    }

    /// @dev Notes since when a neuron can work, and tells the validators' tree what its stake counts for.
    function _setStanding(address neuron) private {
        Pool storage pool = pools[neuron];
        bool can = _mayWork(neuron);
        if (!can) pool.standingSince = 0;
        else if (pool.standingSince == 0) pool.standingSince = uint40(block.number);
        if (pool.role == Role.Validator) validators.update(neuron, can ? pool.stake : 0);
    }

    function _mayWork(address neuron) private view returns (bool) {
        Pool storage pool = pools[neuron];
        return pool.counted && ownStakeOf(neuron) * BPS >= minimumStake(pool.role) * STANDING_BPS;
    }

    /// @dev Shares of the neuron's own entries that can still be slashed: at most MAX_EXITS.
    function _ownExitShares(address neuron) private view returns (uint256 own) {
        Exit[] storage queue = exits[neuron];
        uint256 nowClock = pauseSwitch.clock();
        for (uint256 i = 0; i < queue.length; ++i) {
            Exit memory e = queue[i];
            if (e.neuron != neuron) continue;
            (, bool open_) = leaving[neuron].worth(e.shares, e.readyAt, e.generation, nowClock);
            if (open_) own += e.shares;
        }
    }

    function _pool(address neuron) private view returns (Pool storage pool) {
        pool = pools[neuron];
        if (pool.role == Role.None) revert Errors.NotRegistered(neuron);
    }

    function _owed(IERC20 asset) internal view override returns (uint256) {
        return address(asset) == address(token) ? totalOwed : 0;
    }

    function _requirePast(uint256 blockNumber) private view {
        if (blockNumber >= block.number) revert Errors.NotPast(blockNumber, block.number);
    }

    function _ceilDiv(uint256 a, uint256 b) private pure returns (uint256) {
        return a == 0 ? 0 : (a - 1) / b + 1;
    }
}
