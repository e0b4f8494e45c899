// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {RewardPolicy} from "./RewardPolicy.sol";
import {Errors} from "./libraries/Errors.sol";
import {Events} from "./libraries/Events.sol";
import {Schedule, Timing} from "./libraries/Schedule.sol";
import {Role} from "./StakeVault.sol";

interface IWorkers {
    function requireWorker(address hotkey, Role role) external view returns (address neuron, uint256 stake);
}

interface IWindows {
    function schedule() external view returns (Timing memory);
}

/// @title Alpha of a Bittensor subnet as additional weight of its validators, read from Subtensor's precompiles.
/// @dev Alpha cannot be slashed here, so the vault's stake stays the bond: alpha adds at most metagraph_factor - 1 times
///      as much. And it moves within a block: whoever carries it from hotkey to hotkey would be read with all of it at
///      each. So what counts is the least of what was read in the window before and in this one; anybody may read, at
///      any moment, and who is alone with its alpha loses nothing by it. docs/adr/0033.
abstract contract MetagraphStake {
    using Schedule for Timing;

    /// @dev Amounts in units of 1e-18 alpha. `least`: the smallest that was read in the window of `readAt`.
    struct Reading {
        bytes32 hotkey;
        uint96 counted;
        uint96 least;
        uint48 readAt;
    }

    address private constant SR25519 = address(0x403);
    address private constant STAKING = address(0x805);
    /// @dev Native amounts have nine decimals.
    uint256 private constant RAO = 1e9;
    bytes32 private constant METAGRAPH_FACTOR = keccak256("metagraph_factor");
    bytes32 private constant METAGRAPH_MAX_AGE = keccak256("metagraph_max_age");

    RewardPolicy public immutable policy;
    IWorkers public immutable registry;
    IWindows public immutable ledger;
    /// @notice The subnet; zero for none.
    uint16 public immutable netuid;
    mapping(address validator => Reading) private readings;
    /// @notice The validator that a hotkey has bound itself to.
    mapping(bytes32 hotkey => address) public boundTo;
    /// @notice How often a hotkey has bound itself: each of its signatures is good once.
    mapping(bytes32 hotkey => uint256) public bindings;

    constructor(RewardPolicy policy_, IWorkers registry_, IWindows ledger_, uint16 netuid_) {
        (policy, registry, ledger, netuid) = (policy_, registry_, ledger_, netuid_);
    }

    /// @notice Binds a hotkey of the subnet to the sender's validator, by the hotkey's signature of `bindingOf`; before,
    ///         it was bound to nobody, or to another.
    /// @param r first half of the sr25519 signature
    /// @param s its second half
    function bindHotkey(bytes32 hotkey, bytes32 r, bytes32 s) external {
        (address validator,) = registry.requireWorker(msg.sender, Role.Validator);
        bytes memory call_ = abi.encodeWithSignature(
            "verify(bytes32,bytes32,bytes32,bytes32)", bindingOf(validator, hotkey), hotkey, r, s
        );
        if (_ask(SR25519, call_) != 1) revert Errors.BadHotkeyProof(hotkey);
        ++bindings[hotkey];
        address before = boundTo[hotkey];
        delete boundTo[readings[validator].hotkey];
        boundTo[hotkey] = validator;
        if (before != address(0) && before != validator) {
            delete readings[before];
            _reweigh(before);
            emit Events.HotkeyBound(before, 0);
        }
        readings[validator] = Reading(hotkey, 0, 0, 0);
        _reweigh(validator);
        emit Events.HotkeyBound(validator, hotkey);
    }

    /// @notice Reads the alpha of a validator's hotkey. Anyone may call, at any time: a smaller amount counts at once, a
    ///         larger one once it has been read in two windows in turn.
    function syncStake(address validator) external {
        Reading storage r = readings[validator];
        if (r.hotkey == 0) revert Errors.NotBound(validator);
        uint96 alpha = _alpha(r.hotkey);
        if (r.readAt != 0 && _window(r.readAt) == _window(block.number)) {
            if (alpha < r.least) r.least = alpha;
            if (alpha < r.counted) r.counted = alpha;
        } else {
            uint96 before = _fresh(r) ? r.least : 0;
            (r.counted, r.least) = (alpha < before ? alpha : before, alpha);
        }
        r.readAt = uint48(block.number);
        emit Events.AlphaRead(validator, alpha, r.counted);
        _reweigh(validator);
    }

    /// @notice What a hotkey signs to bind itself to a validator: good once, here alone.
    function bindingOf(address validator, bytes32 hotkey) public view returns (bytes32) {
        return keccak256(
            abi.encode("grail/hotkey/1", block.chainid, address(this), netuid, validator, hotkey, bindings[hotkey])
        );
    }

    /// @notice Alpha of a validator's hotkey now, in units of 1e-18; zero where none is bound. Reverts without precompile.
    function alphaOf(address validator) external view returns (uint256) {
        bytes32 hotkey = readings[validator].hotkey;
        return hotkey == 0 ? 0 : _alpha(hotkey);
    }

    /// @notice What a validator counts with in draws and votes whose stake in the vault is `stake`, both in wei; at most
    ///         what a place can hold, so that no slash ever fails for a weight.
    function weightOf(address validator, uint256 stake) public view returns (uint256) {
        uint256 factor = policy.valueOf(METAGRAPH_FACTOR, block.number);
        Reading storage r = readings[validator];
        if (factor == 1 || r.counted == 0 || !_fresh(r)) return stake;
        uint256 most = stake * factor < type(uint96).max ? stake * factor : type(uint96).max;
        uint256 sum = stake + r.counted;
        return sum < most ? sum : most;
    }

    /// @notice A validator's hotkey, the alpha that counts for it while it is fresh, the least that was read in the
    ///         window of the last reading, and that reading's block.
    function readingOf(address validator) external view returns (Reading memory) {
        return readings[validator];
    }

    /// @dev Weighs a validator again after its reading has changed.
    function _reweigh(address validator) internal virtual;

    function _fresh(Reading storage r) private view returns (bool) {
        return r.readAt != 0 && block.number <= r.readAt + policy.valueOf(METAGRAPH_MAX_AGE, block.number);
    }

    function _alpha(bytes32 hotkey) private view returns (uint96) {
        bytes memory call_ = abi.encodeWithSignature("getTotalAlphaStaked(bytes32,uint256)", hotkey, uint256(netuid));
        uint256 rao = _ask(STAKING, call_);
        return rao < type(uint96).max / RAO ? uint96(rao * RAO) : type(uint96).max;
    }

    /// @dev The window of a block, from one; all blocks before the first are one.
    function _window(uint256 blockNumber) private view returns (uint256) {
        Timing memory t = ledger.schedule();
        return blockNumber < t.genesis ? 0 : uint256(t.windowOf(blockNumber)) + 1;
    }

    function _ask(address precompile, bytes memory call_) private view returns (uint256) {
        (bool ok, bytes memory answer) = precompile.staticcall(call_);
        if (!ok || answer.length != 32) revert Errors.NoPrecompile(precompile);
        return uint256(bytes32(answer));
    }
}
