// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {Governed} from "./Governed.sol";
import {Errors} from "./libraries/Errors.sol";
import {Events} from "./libraries/Events.sol";
import {Keys} from "./libraries/Keys.sol";

/// @notice Of a window's emission, in 1/10,000, all of which sum to one.
/// @param since first block at which it held
struct Split {
    uint48 since;
    uint16 miners;
    uint16 validators;
    uint16 trainer;
    uint16 treasury;
    uint16 burn;
}

/// @title Every governed number, with bounds and history. Twin of grail/governance/policy.py.
/// @dev A window obeys the values that held at its first block, so a change never reaches into a running window.
contract RewardPolicy is Governed {
    using Checkpoints for Checkpoints.Trace208;

    struct Bounds {
        uint208 min;
        uint208 max;
    }

    struct Latest {
        uint48 since;
        uint208 value;
    }

    struct EnvironmentMix {
        uint64 fromBlock;
        uint64 totalWeight;
        bytes32[] envIds;
        uint32[] weights;
        uint32[] rewards;
    }

    uint256 private constant MAX_ENVIRONMENTS = 64;
    /// @dev Most that a verified token of an environment may earn, in thousandths of the base rate.
    uint256 private constant MAX_REWARD = 100_000;
    uint256 private constant BPS = 10_000;
    mapping(bytes32 key => Bounds) public bounds;
    mapping(bytes32 key => Checkpoints.Trace208) private history;
    /// @dev The newest value once more, in one word: most readers want no other.
    mapping(bytes32 key => Latest) private newest;
    /// @dev The newest split once more, in one word.
    Split private split;
    bytes32[] private keys;
    /// @notice Least length of every phase in blocks: no vote can make a deadline shorter than people can act.
    uint256 public immutable phaseFloor;
    /// @notice Blocks of a window, as the ledger counts them.
    uint256 public immutable windowBlocks;
    EnvironmentMix[] private mixes;

    struct Floors {
        uint64 phase;
        uint64 window;
    }

    struct Mix {
        string[] ids;
        uint32[] weights;
        uint32[] rewards;
    }

    /// @param timelock who may change parameters
    /// @param floors what no vote can change: {phaseFloor, windowBlocks}
    /// @param names parameters whose start value differs from the default
    /// @param values their start values, within bounds
    constructor(address timelock, Floors memory floors, string[] memory names, uint208[] memory values, Mix memory mix)
        Governed(timelock)
    {
        (phaseFloor, windowBlocks) = (floors.phase, floors.window);
        _define("group_size", 8, 2, 64);
        _define("max_groups", 64, 1, 4096);
        _define("reliability_windows", 4, 1, 16);
        _define("max_group_worth", 8_192_000, 1_000, 1_000_000_000_000);
        _define("sketch_dim", 8, 1, 64);
        _define("sketch_stride", 8, 1, 1024);
        _define("bond_per_group", 10 ether, 0.001 ether, 1_000_000 ether);
        _define("min_stake_miner", 100 ether, 1 ether, 10_000_000 ether);
        _define("min_stake_validator", 1_000 ether, 1 ether, 10_000_000 ether);
        _define("min_stake_trainer", 1_000 ether, 1 ether, 10_000_000 ether);
        _phase("unbonding_blocks", 100_800, 10, 2_000_000);
        _define("max_validators", 128, 1, 128);
        _phase("accusation_horizon_blocks", 14_400, 4, 500_000);
        _define("accusation_bond", 50 ether, 0.001 ether, 1_000_000 ether);
        _define("jury_seats", 7, 1, 101);
        _define("juror_penalty", 5 ether, 0, 1_000 ether);
        _phase("vote_commit_blocks", 1_800, 2, 100_000);
        _phase("vote_reveal_blocks", 1_800, 2, 100_000);
        _phase("appeal_blocks", 3_600, 2, 100_000);
        _define("appeal_bond", 200 ether, 0.001 ether, 1_000_000 ether);
        _define("settlement_bond", 500 ether, 0.001 ether, 1_000_000 ether);
        _phase("settlement_challenge_blocks", 3_600, 2, 100_000);
        _phase("settlement_move_blocks", 1_800, 2, 100_000);
        _define("reject_penalty", 50 ether, 0, 1_000 ether);
        _phase("claim_expiry_blocks", 1_296_000, 100, 20_000_000);
        _phase("commission_notice_blocks", 50_400, 2, 1_000_000);
        _define("pause_blocks", 36_000, 2, 100_000);
        _define("emission_per_window", 1_000 ether, 0, 1_000_000 ether);
        _define("halving_windows", 30_000, 100, 10_000_000);
        _define("split_miners_bps", 6_000, 1_000, 9_000);
        _define("split_validators_bps", 2_500, 500, 5_000);
        _define("split_trainer_bps", 1_000, 0, 3_000);
        _define("split_treasury_bps", 400, 0, 3_000);
        _define("split_burn_bps", 100, 0, 5_000);
        _define("quorum_bps", 5_000, 3_400, 8_000);
        _define("audit_seats", 5, 1, 15);
        _define("audit_rollouts", 16, 1, 4_096);
        _define("evidence_reject_exp", 4, 2, 9);
        _define("evidence_fault_exp", 9, 6, 30);
        _define("slash_bps", 5_000, 100, 5_000);
        _define("slash_accuser_bps", 3_000, 100, 4_500);
        _define("accuse_cost", 5 ether, 0, 1_000 ether);
        _define("slash_burn_bps", 5_000, 1_000, 10_000);
        _define("beacon_drand", 0, 0, 1);
        _define("metagraph_factor", 1, 1, 4);
        _define("metagraph_max_age", 7_200, 20, 100_000);
        _define("max_observed_tokens", 4_096, 0, 32_768);
        _define("observed_milli", 0, 0, 250);
        _define("max_staleness", 2, 0, 64);
        for (uint256 i = 0; i < names.length; ++i) {
            _write(_key(names[i]), values[i]);
        }
        _accept();
        _setEnvironments(mix.ids, mix.weights, mix.rewards);
    }

    /// @notice Current value of a parameter, e.g. get("group_size").
    function get(string calldata name) external view returns (uint256) {
        return valueOf(_key(name), block.number);
    }

    /// @notice Value that held at `blockNumber`; before deployment, the first one.
    function valueAt(string calldata name, uint256 blockNumber) external view returns (uint256) {
        return valueOf(_key(name), blockNumber);
    }

    /// @notice The same by key, keccak256 of the name: for contracts that are called often.
    function valueOf(bytes32 key, uint256 blockNumber) public view returns (uint256) {
        Latest memory latest = newest[key];
        if (latest.since == 0) revert Errors.UnknownParameter(key);
        return latest.since <= blockNumber ? latest.value : _at(key, blockNumber);
    }

    /// @notice All keys with the values that held at `blockNumber`, in one call.
    function allAt(uint256 blockNumber) external view returns (bytes32[] memory, uint256[] memory values) {
        values = new uint256[](keys.length);
        for (uint256 i = 0; i < values.length; ++i) {
            values[i] = _at(keys[i], blockNumber);
        }
        return (keys, values);
    }

    /// @notice Changes one parameter within its bounds; windows that have begun keep the old value.
    function set(string calldata name, uint208 value) external onlyOwner {
        _write(_key(name), value);
        _accept();
    }

    /// @notice Changes several at once, so that a valid state can be reached from any other in one step.
    function setMany(string[] calldata names, uint208[] calldata values) external onlyOwner {
        for (uint256 i = 0; i < names.length; ++i) {
            _write(_key(names[i]), values[i]);
        }
        _accept();
    }

    /// @notice How a window's emission was divided at a block.
    function splitAt(uint256 blockNumber) external view returns (Split memory found) {
        found = split;
        if (blockNumber < found.since) found = _splitAt(blockNumber);
    }

    /// @notice Replaces the environment mix: ids such as "arithmetic/1", their integer weights, and what a verified
    ///         token of each earns in thousandths of the base rate.
    function setEnvironments(string[] calldata ids, uint32[] calldata weights, uint32[] calldata rewards)
        external
        onlyOwner
    {
        _setEnvironments(ids, weights, rewards);
    }

    /// @notice Hash of the environment that a problem key mandates under the mix that held at `blockNumber`, and what a
    ///         verified token of it earns, in thousandths.
    function environmentOf(bytes32 problemKey, uint256 blockNumber) external view returns (bytes32, uint256) {
        EnvironmentMix storage mix = _mixAt(blockNumber);
        uint256 ticket = Keys.environmentTicket(problemKey, mix.totalWeight);
        for (uint256 i = 0; i < mix.weights.length; ++i) {
            if (ticket < mix.weights[i]) return (mix.envIds[i], mix.rewards[i]);
            ticket -= mix.weights[i];
        }
        revert Errors.BadEnvironmentMix();
    }

    /// @notice The mix that held at `blockNumber`: the block whose event names its ids, hashes of ids, weights, rewards.
    function environments(uint256 blockNumber)
        external
        view
        returns (uint64, bytes32[] memory, uint32[] memory, uint32[] memory)
    {
        EnvironmentMix storage mix = _mixAt(blockNumber);
        return (mix.fromBlock, mix.envIds, mix.weights, mix.rewards);
    }

    function _setEnvironments(string[] memory ids, uint32[] memory weights, uint32[] memory rewards) private {
        bool sizes = ids.length == weights.length && ids.length == rewards.length;
        if (ids.length == 0 || ids.length > MAX_ENVIRONMENTS || !sizes) revert Errors.BadEnvironmentMix();
        EnvironmentMix storage mix = mixes.push();
        mix.fromBlock = uint64(block.number);
        for (uint256 i = 0; i < ids.length; ++i) {
            if (rewards[i] > MAX_REWARD) revert Errors.BadEnvironmentMix();
            mix.envIds.push(keccak256(bytes(ids[i])));
            mix.weights.push(weights[i]);
            mix.rewards.push(rewards[i]);
            mix.totalWeight += weights[i];
        }
        if (mix.totalWeight == 0) revert Errors.BadEnvironmentMix();
        emit Events.EnvironmentsSet(ids, weights, rewards);
    }

    function _at(bytes32 key, uint256 blockNumber) private view returns (uint256) {
        Checkpoints.Trace208 storage trace = history[key];
        if (blockNumber < trace.at(0)._key) return trace.at(0)._value;
        return trace.upperLookupRecent(uint48(blockNumber));
    }

    function _splitAt(uint256 blockNumber) private view returns (Split memory s) {
        s.since = uint48(blockNumber);
        s.miners = uint16(_at(_key("split_miners_bps"), blockNumber));
        s.validators = uint16(_at(_key("split_validators_bps"), blockNumber));
        s.trainer = uint16(_at(_key("split_trainer_bps"), blockNumber));
        s.treasury = uint16(_at(_key("split_treasury_bps"), blockNumber));
        s.burn = uint16(_at(_key("split_burn_bps"), blockNumber));
    }

    function _mixAt(uint256 blockNumber) private view returns (EnvironmentMix storage) {
        uint256 i = mixes.length;
        if (i == 0) revert Errors.BadEnvironmentMix();
        while (i > 1 && mixes[i - 1].fromBlock > blockNumber) --i;
        return mixes[i - 1];
    }

    function _define(string memory name, uint208 value, uint208 min, uint208 max) private {
        bytes32 key = _key(name);
        bounds[key] = Bounds(min, max);
        keys.push(key);
        _write(key, value);
    }

    /// @dev A length of time in blocks that somebody has to act in.
    function _phase(string memory name, uint208 value, uint208 min, uint208 max) private {
        _define(name, value, min > phaseFloor ? min : uint208(phaseFloor), max);
    }

    function _write(bytes32 key, uint208 value) private {
        _known(key);
        Bounds memory b = bounds[key];
        if (value < b.min || value > b.max) revert Errors.OutOfBounds(key, value, b.min, b.max);
        history[key].push(uint48(block.number), value);
        newest[key] = Latest(uint48(block.number), value);
        emit Events.ParameterSet(key, value);
    }

    /// @dev Refuses what contradicts itself, and keeps what is read at once.
    function _accept() private {
        _crossCheck();
        split = _splitAt(block.number);
    }

    /// @dev Rules between parameters: the split is the whole emission; nobody can leave before the last dispute about
    ///      their work has ended; no fine comes near a validator's stake; accusing the smallest miner pays its costs.
    function _crossCheck() private view {
        Split memory s = _splitAt(block.number);
        uint256 whole = uint256(s.miners) + s.validators + s.trainer + s.treasury + s.burn;
        if (whole != BPS) revert Errors.SplitNotWhole(whole);
        uint256 shares = _latest("slash_accuser_bps") + _latest("slash_burn_bps");
        if (shares > BPS) revert Errors.SplitAboveOne(shares);
        uint256 trial = 2 * (_latest("vote_commit_blocks") + _latest("vote_reveal_blocks")) + _latest("appeal_blocks");
        // the window itself, and as much again for the steps between the phases
        uint256 needed = _latest("accusation_horizon_blocks") + trial + _latest("pause_blocks") + 2 * windowBlocks;
        if (_latest("unbonding_blocks") < needed) {
            revert Errors.UnbondingTooShort(_latest("unbonding_blocks"), needed);
        }
        if (_latest("juror_penalty") * 10 > _latest("min_stake_validator")) {
            revert Errors.PenaltyTooHigh(_latest("juror_penalty"), _latest("min_stake_validator") / 10);
        }
        // nine tenths of the least stake may be all that a working miner has of its own (StakeVault.STANDING_BPS)
        uint256 reward = _latest("min_stake_miner") * 9 / 10 * _latest("slash_bps") * _latest("slash_accuser_bps");
        if (reward < _latest("accuse_cost") * BPS * BPS) {
            revert Errors.AccusingTooDear(reward / BPS / BPS, _latest("accuse_cost"));
        }
    }

    function _latest(string memory name) private view returns (uint256) {
        return history[_key(name)].latest();
    }

    function _known(bytes32 key) private view {
        if (bounds[key].max == 0) revert Errors.UnknownParameter(key);
    }

    function _key(string memory name) private pure returns (bytes32) {
        return keccak256(bytes(name));
    }

    function _owed(IERC20) internal pure override returns (uint256) {
        return 0;
    }
}
