// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {RewardPolicy} from "./RewardPolicy.sol";
import {Errors} from "./libraries/Errors.sol";
import {Events} from "./libraries/Events.sol";

enum Role {
    None,
    Miner,
    Validator,
    Trainer
}

/// @title Who works in the network, and what they stand to lose.
/// @dev Holds exactly totalStaked tokens, plus whatever was sent to it by mistake. A slash reaches stake that is
///      unbonding: nobody can leave before the last dispute about their work.
contract NeuronRegistry is Ownable2Step {
    using SafeERC20 for IERC20;

    struct Neuron {
        Role role;
        bool jailed;
        uint128 stake;
        uint128 unbonding;
        string endpoint;
    }

    struct Unbonding {
        uint128 amount;
        uint64 readyAt;
    }

    uint256 private constant MAX_QUEUE = 8;
    uint256 private constant MAX_ENDPOINT = 256;

    IERC20 public immutable token;
    RewardPolicy public immutable policy;
    /// @notice The FaultCourt, set once: the only account that slashes and jails.
    address public court;
    /// @notice Active plus unbonding stake of everybody, in wei.
    uint256 public totalStaked;
    /// @notice Active stake of unjailed neurons by role, in wei.
    mapping(Role role => uint256) public activeStake;
    mapping(address neuron => Neuron) private neurons;
    mapping(address neuron => Unbonding[]) private queues;
    address[] private members;

    constructor(address owner, IERC20 token_, RewardPolicy policy_) Ownable(owner) {
        token = token_;
        policy = policy_;
    }

    /// @notice Names the court, once, by the owner.
    function setCourt(address court_) external onlyOwner {
        if (court != address(0)) revert Errors.AlreadyWired();
        if (court_ == address(0)) revert Errors.ZeroAddress();
        court = court_;
    }

    /// @notice Joins with a role and a first stake of at least the role's minimum. One address, one role.
    function register(Role role, string calldata endpoint, uint128 amount) external {
        if (role == Role.None) revert Errors.BadRole();
        Neuron storage neuron = neurons[msg.sender];
        if (neuron.role != Role.None) revert Errors.AlreadyRegistered(msg.sender);
        uint256 minimum = minimumStake(role);
        if (amount < minimum) revert Errors.StakeTooLow(amount, minimum);
        neuron.role = role;
        _setEndpoint(neuron, endpoint);
        members.push(msg.sender);
        _deposit(neuron, amount);
        emit Events.Registered(msg.sender, uint8(role), amount, endpoint);
    }

    /// @notice Adds to the caller's stake.
    function addStake(uint128 amount) external {
        _deposit(_registered(msg.sender), amount);
        emit Events.StakeAdded(msg.sender, amount);
    }

    /// @notice Changes where the caller can be reached.
    function setEndpoint(string calldata endpoint) external {
        _setEndpoint(_registered(msg.sender), endpoint);
        emit Events.EndpointSet(msg.sender, endpoint);
    }

    /// @notice Asks stake back. It works no more, can still be slashed, and can be withdrawn after the delay.
    /// @dev What stays must be nothing or at least the role's minimum.
    function requestUnstake(uint128 amount) external {
        Neuron storage neuron = _registered(msg.sender);
        Unbonding[] storage queue = queues[msg.sender];
        if (queue.length == MAX_QUEUE) revert Errors.QueueFull();
        if (amount == 0 || amount > neuron.stake) revert Errors.StakeTooLow(neuron.stake, amount);
        uint256 minimum = minimumStake(neuron.role);
        uint128 left = neuron.stake - amount;
        if (left != 0 && left < minimum) revert Errors.StakeTooLow(left, minimum);
        _setStake(neuron, left);
        neuron.unbonding += amount;
        uint64 readyAt = uint64(block.number + policy.get("unbonding_blocks"));
        queue.push(Unbonding(amount, readyAt));
        emit Events.UnstakeRequested(msg.sender, amount, readyAt);
    }

    /// @notice Pays out every unbonding entry that is ready.
    function withdraw() external returns (uint256 amount) {
        Neuron storage neuron = _registered(msg.sender);
        Unbonding[] storage queue = queues[msg.sender];
        uint256 i = 0;
        while (i < queue.length) {
            if (queue[i].readyAt <= block.number) {
                amount += queue[i].amount;
                queue[i] = queue[queue.length - 1];
                queue.pop();
            } else {
                ++i;
            }
        }
        if (amount == 0) revert Errors.NothingToWithdraw();
        neuron.unbonding -= uint128(amount);
        totalStaked -= amount;
        token.safeTransfer(msg.sender, amount);
        emit Events.Withdrawn(msg.sender, amount);
    }

    /// @notice Takes up to `amount` of a neuron's stake, active first, and hands it to the court.
    /// @return slashed what was really taken: never more than stake plus unbonding
    function slash(address account, uint256 amount) external returns (uint256 slashed) {
        _onlyCourt();
        Neuron storage neuron = _registered(account);
        uint256 fromActive = amount < neuron.stake ? amount : neuron.stake;
        _setStake(neuron, neuron.stake - uint128(fromActive));
        slashed = fromActive + _slashQueue(neuron, queues[account], amount - fromActive);
        totalStaked -= slashed;
        token.safeTransfer(court, slashed);
        emit Events.Slashed(account, slashed);
    }

    /// @notice Bars a neuron from working; court only.
    function jail(address account) external {
        _onlyCourt();
        _setJailed(account, true);
    }

    /// @notice Lets a jailed neuron work again; owner only.
    function release(address account) external onlyOwner {
        _setJailed(account, false);
    }

    /// @notice True when the neuron has this role, is not jailed and holds at least the role's minimum stake.
    function isActive(address account, Role role) external view returns (bool) {
        Neuron storage neuron = neurons[account];
        return neuron.role == role && !neuron.jailed && neuron.stake >= minimumStake(role);
    }

    /// @notice Everything about one neuron.
    function neuronOf(address account) external view returns (Neuron memory) {
        return neurons[account];
    }

    /// @notice Active stake in wei.
    function stakeOf(address account) external view returns (uint256) {
        return neurons[account].stake;
    }

    /// @notice Active plus unbonding stake in wei: what a slash can reach.
    function slashableStake(address account) external view returns (uint256) {
        return uint256(neurons[account].stake) + neurons[account].unbonding;
    }

    /// @notice Number of neurons that ever registered.
    function memberCount() external view returns (uint256) {
        return members.length;
    }

    /// @notice Page of registered addresses.
    function membersFrom(uint256 first, uint256 count) external view returns (address[] memory page) {
        uint256 last = first + count < members.length ? first + count : members.length;
        page = new address[](last > first ? last - first : 0);
        for (uint256 i = 0; i < page.length; ++i) {
            page[i] = members[first + i];
        }
    }

    /// @notice Minimum stake of a role in wei.
    function minimumStake(Role role) public view returns (uint256) {
        if (role == Role.Miner) return policy.get("min_stake_miner");
        if (role == Role.Validator) return policy.get("min_stake_validator");
        return policy.get("min_stake_trainer");
    }

    function _slashQueue(Neuron storage neuron, Unbonding[] storage queue, uint256 amount)
        private
        returns (uint256 taken)
    {
        while (taken < amount && queue.length > 0) {
            Unbonding storage last = queue[queue.length - 1];
            uint256 part = amount - taken < last.amount ? amount - taken : last.amount;
            taken += part;
            if (part == last.amount) queue.pop();
            else last.amount -= uint128(part);
        }
        neuron.unbonding -= uint128(taken);
    }

    function _deposit(Neuron storage neuron, uint128 amount) private {
        _setStake(neuron, neuron.stake + amount);
        totalStaked += amount;
        token.safeTransferFrom(msg.sender, address(this), amount);
    }

    function _setStake(Neuron storage neuron, uint128 stake) private {
        if (!neuron.jailed) activeStake[neuron.role] = activeStake[neuron.role] - neuron.stake + stake;
        neuron.stake = stake;
    }

    function _setJailed(address account, bool jailed) private {
        Neuron storage neuron = _registered(account);
        if (neuron.jailed == jailed) return;
        if (jailed) activeStake[neuron.role] -= neuron.stake;
        else activeStake[neuron.role] += neuron.stake;
        neuron.jailed = jailed;
        emit Events.JailChanged(account, jailed);
    }

    function _setEndpoint(Neuron storage neuron, string calldata endpoint) private {
        if (bytes(endpoint).length > MAX_ENDPOINT) revert Errors.EndpointTooLong();
        neuron.endpoint = endpoint;
    }

    function _registered(address account) private view returns (Neuron storage neuron) {
        neuron = neurons[account];
        if (neuron.role == Role.None) revert Errors.NotRegistered(account);
    }

    function _onlyCourt() private view {
        if (msg.sender != court) revert Errors.Unauthorized(msg.sender);
    }
}
