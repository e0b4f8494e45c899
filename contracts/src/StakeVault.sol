// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {Governed} from "./Governed.sol";
import {PauseSwitch} from "./PauseSwitch.sol";
import {RewardPolicy} from "./RewardPolicy.sol";
import {Errors} from "./libraries/Errors.sol";
import {Events} from "./libraries/Events.sol";

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
        uint48 commissionFrom;
        uint128 unbonding;
        uint128 exitShares;
        uint256 rewardPerShare;
    }

    struct Position {
        uint256 paidPerShare;
        uint256 owed;
    }

    struct Exit {
        address neuron;
        uint128 shares;
        uint64 readyAt;
    }

    uint256 public constant MAX_POSITIONS = 16;
    uint256 public constant MAX_EXITS = 8;
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
    address public immutable registry;
    address public immutable rewardPool;
    address public immutable court;
    address public immutable jury;
    /// @notice Wei that the vault owes: stake, unbonding stake, uncollected rewards.
    uint256 public totalOwed;
    mapping(address neuron => Pool) private pools;
    mapping(address neuron => Checkpoints.Trace208) private stakes;
    mapping(address neuron => Checkpoints.Trace208) private totalShares;
    mapping(address neuron => mapping(address staker => Checkpoints.Trace208)) private shares;
    mapping(address neuron => mapping(address staker => Position)) private positions;
    mapping(address staker => address[]) private joined;
    mapping(address staker => Exit[]) private exits;
    mapping(Role role => Checkpoints.Trace208) private roleStakes;

    struct Wiring {
        address timelock;
        IERC20 token;
        RewardPolicy policy;
        PauseSwitch pauseSwitch;
        address registry;
        address rewardPool;
        address court;
        address jury;
    }

    constructor(Wiring memory w) Governed(w.timelock) {
        token = w.token;
        policy = w.policy;
        pauseSwitch = w.pauseSwitch;
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

    /// @notice Asks stake back. It works and votes no more, can still be slashed, and is withdrawn after the delay.
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
        uint64 readyAt = uint64(pauseSwitch.clock() + policy.get("unbonding_blocks"));
        exits[msg.sender].push(Exit(neuron, _intoExit(pools[neuron], amount), readyAt));
        emit Events.UnstakeRequested(neuron, msg.sender, amount, readyAt);
    }

    /// @notice Pays out every unbonding entry of the caller that is ready. Also while paused: what was due is due.
    function withdraw() external returns (uint256 amount) {
        Exit[] storage queue = exits[msg.sender];
        uint256 nowClock = pauseSwitch.clock();
        uint256 found = 0;
        for (uint256 i = 0; i < queue.length;) {
            if (queue[i].readyAt <= nowClock) {
                ++found;
                amount += _fromExit(pools[queue[i].neuron], queue[i].shares);
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
        pool.commissionFrom = uint48(block.number + policy.get("commission_notice_blocks"));
        emit Events.CommissionAnnounced(msg.sender, bps, pool.commissionFrom);
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
        _stake(neuron, neuron, amount);
    }

    /// @notice Takes a jailed neuron's stake out of its role's total, or puts it back; registry only.
    function setCounted(address neuron, bool counted) external {
        if (msg.sender != registry) revert Errors.Unauthorized(msg.sender);
        Pool storage pool = _pool(neuron);
        if (pool.counted == counted) return;
        pool.counted = counted;
        uint256 pooled = uint256(pools[neuron].stake);
        _addRoleStake(pool.role, counted ? 0 : pooled, counted ? pooled : 0);
    }

    /// @notice Takes up to `amount` from a neuron's pool, active and unbonding pro rata; court and jury only.
    /// @return slashed what was really taken and sent to the caller: never more than the pool holds
    function slash(address neuron, uint256 amount) external returns (uint256 slashed) {
        if (msg.sender != court && msg.sender != jury) revert Errors.Unauthorized(msg.sender);
        Pool storage pool = _pool(neuron);
        uint256 active = uint256(pools[neuron].stake);
        uint256 whole = active + pool.unbonding;
        slashed = amount < whole ? amount : whole;
        if (slashed == 0) return 0;
        uint256 fromExit = slashed * pool.unbonding / whole;
        pool.unbonding -= uint128(fromExit);
        _setTotals(neuron, active - (slashed - fromExit), uint256(pools[neuron].shares));
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
    function stakeOf(address neuron) public view returns (uint256) {
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

    /// @notice A neuron's stake if it has this role, is not jailed, and holds at least the role's minimum of its own;
    ///         else zero.
    function workingStake(address neuron, Role role) external view returns (uint256) {
        Pool storage pool = pools[neuron];
        bool working = pool.role == role && pool.counted && ownStakeOf(neuron) >= minimumStake(role);
        return working ? pool.stake : 0;
    }

    /// @notice What `staker` has in a neuron's pool, in wei.
    function positionOf(address neuron, address staker) public view returns (uint256) {
        Pool storage pool = pools[neuron];
        return pool.shares == 0 ? 0 : shares[neuron][staker].latest() * pool.stake / pool.shares;
    }

    /// @notice Active plus unbonding stake in wei: what a slash can reach.
    function slashableStake(address neuron) external view returns (uint256) {
        return uint256(pools[neuron].stake) + pools[neuron].unbonding;
    }

    /// @notice Active stake of the unjailed neurons of a role, in wei.
    function roleStake(Role role) external view returns (uint256) {
        return roleStakes[role].latest();
    }

    /// @notice The same at the end of a past block.
    function roleStakeAt(Role role, uint256 blockNumber) external view returns (uint256) {
        _requirePast(blockNumber);
        return roleStakes[role].upperLookupRecent(uint48(blockNumber));
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
        return block.number < pool.commissionFrom ? pool.commissionBps : pool.nextCommissionBps;
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
        for (uint256 i = 0; i < queue.length; ++i) {
            Pool storage pool = pools[queue[i].neuron];
            worth[i] = uint256(queue[i].shares) * pool.unbonding / pool.exitShares;
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
        uint256 pooled = uint256(pools[neuron].stake);
        uint256 all = uint256(pools[neuron].shares);
        if (all > 0 && pooled * WIPED < all) revert Errors.PoolWiped(neuron);
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
        if (pool.counted) _addRoleStake(pool.role, pool.stake, pooled);
        stakes[neuron].push(uint48(block.number), uint208(pooled));
        if (pool.shares != all) totalShares[neuron].push(uint48(block.number), uint208(all));
        (pool.stake, pool.shares) = (uint128(pooled), uint128(all));
    }

    function _addRoleStake(Role role, uint256 minus, uint256 plus) private {
        Checkpoints.Trace208 storage trace = roleStakes[role];
        trace.push(uint48(block.number), uint208(trace.latest() - minus + plus));
    }

    function _intoExit(Pool storage pool, uint256 amount) private returns (uint128 minted) {
        (uint256 held, uint256 all) = (pool.unbonding, pool.exitShares);
        if (held * WIPED < all) revert Errors.PoolWiped(msg.sender);
        uint256 made = all == 0 ? amount : amount * all / held;
        minted = uint128(made);
        if (made == 0 || made + all > type(uint128).max) revert Errors.PoolWiped(msg.sender);
        pool.unbonding = uint128(held + amount);
        pool.exitShares = uint128(all + made);
    }

    function _fromExit(Pool storage pool, uint128 burnt) private returns (uint256 amount) {
        amount = uint256(burnt) * pool.unbonding / pool.exitShares;
        pool.unbonding -= uint128(amount);
        pool.exitShares -= burnt;
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
