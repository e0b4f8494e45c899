// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {Governed} from "./Governed.sol";
import {Role, StakeVault} from "./StakeVault.sol";
import {Errors} from "./libraries/Errors.sol";
import {Events} from "./libraries/Events.sol";

/// @title Who works in the network: role, keys, endpoint, jail. Holds no money; that is the StakeVault.
/// @dev A neuron is the address that registered: its owner, which moves money. The hotkey signs work and can be
///      replaced; who held it when is kept, so that nobody rotates away from what an old hotkey signed.
contract NeuronRegistry is Governed {
    using Checkpoints for Checkpoints.Trace160;

    struct Neuron {
        Role role;
        bool jailed;
        uint64 lastJailed;
        bytes32 ss58;
        string endpoint;
    }

    uint256 private constant MAX_ENDPOINT = 256;

    StakeVault public immutable vault;
    /// @notice The FaultCourt: the only account that jails.
    address public immutable court;
    mapping(address neuron => Neuron) private neurons;
    mapping(address neuron => Checkpoints.Trace160) private hotkeys;
    mapping(address neuron => address) public proposedHotkey;
    mapping(address hotkey => address neuron) private owners;
    address[] private members;

    constructor(address timelock, StakeVault vault_, address court_) Governed(timelock) {
        vault = vault_;
        court = court_;
    }

    /// @notice Joins with a role and a first own stake of at least the role's minimum. One address, one role.
    /// @param commissionBps part of delegators' rewards that the neuron keeps
    /// @dev The caller is its own hotkey until another accepts.
    function register(Role role, string calldata endpoint, uint16 commissionBps, uint128 amount) external {
        if (role == Role.None) revert Errors.BadRole();
        if (neurons[msg.sender].role != Role.None || owners[msg.sender] != address(0)) {
            revert Errors.AlreadyRegistered(msg.sender);
        }
        neurons[msg.sender].role = role;
        _setEndpoint(endpoint);
        _setHotkey(msg.sender, msg.sender);
        members.push(msg.sender);
        emit Events.Registered(msg.sender, uint8(role), amount, endpoint);
        vault.open(msg.sender, role, commissionBps, amount);
    }

    /// @notice Names the calling neuron's next hotkey; it takes over once it accepts. Zero withdraws the proposal.
    function proposeHotkey(address hotkey) external {
        _registered(msg.sender);
        proposedHotkey[msg.sender] = hotkey;
        emit Events.HotkeyProposed(msg.sender, hotkey);
    }

    /// @notice Takes over as a neuron's hotkey; only the proposed one, so that nobody binds a stranger's key. Once a
    ///         block: so every key that was ever in charge is the one of the end of some block.
    function acceptHotkey(address neuron) external {
        if (proposedHotkey[neuron] != msg.sender) revert Errors.Unauthorized(msg.sender);
        bool free = owners[msg.sender] == address(0) && neurons[msg.sender].role == Role.None;
        if (!free && msg.sender != neuron) revert Errors.HotkeyTaken(msg.sender);
        (, uint96 last,) = hotkeys[neuron].latestCheckpoint();
        if (last == block.number) revert Errors.AlreadyRotated(last);
        delete proposedHotkey[neuron];
        delete owners[hotkeyOf(neuron)];
        _setHotkey(neuron, msg.sender);
    }

    /// @notice Changes where the calling neuron can be reached.
    function setEndpoint(string calldata endpoint) external {
        _registered(msg.sender);
        _setEndpoint(endpoint);
        emit Events.EndpointSet(msg.sender, endpoint);
    }

    /// @notice Names the neuron's hotkey on a Substrate chain by its public key: the neuron's half of their binding, which
    ///         counts with the hotkey's own association there (grail/chain/bittensor/binding.py).
    function setSs58(bytes32 publicKey) external {
        _registered(msg.sender).ss58 = publicKey;
        emit Events.Ss58Set(msg.sender, publicKey);
    }

    /// @notice Bars a neuron from working; court only.
    function jail(address neuron) external {
        if (msg.sender != court) revert Errors.Unauthorized(msg.sender);
        _setJailed(neuron, true);
    }

    /// @notice Lets a jailed neuron work again; by a vote.
    function release(address neuron) external onlyOwner {
        _setJailed(neuron, false);
    }

    /// @notice True when the neuron has this role and may work: not jailed, with stake enough of its own.
    function isActive(address neuron, Role role) public view returns (bool) {
        return vault.workingStake(neuron, role) > 0;
    }

    /// @notice The active neuron of this role that `hotkey` works for, and its stake; reverts when there is none.
    function requireWorker(address hotkey, Role role) external view returns (address neuron, uint256 stake) {
        neuron = owners[hotkey];
        stake = vault.workingStake(neuron, role);
        if (stake == 0) revert Errors.NotActive(hotkey);
    }

    /// @notice The same, but with what could work without a break since the end of a past block, and with the stake of
    ///         then: who came later, or added stake, has no part in what was drawn since.
    function requireWorkerSince(address hotkey, Role role, uint256 blockNumber)
        external
        view
        returns (address neuron, uint256 stake)
    {
        neuron = owners[hotkey];
        stake = vault.workingStakeSince(neuron, role, blockNumber);
        if (stake == 0) revert Errors.NotActive(hotkey);
    }

    /// @notice True when the neuron is in jail, or was put there at `blockNumber` or later.
    function jailedSince(address neuron, uint256 blockNumber) external view returns (bool) {
        return neurons[neuron].jailed || neurons[neuron].lastJailed >= blockNumber;
    }

    /// @notice The neuron that `hotkey` works for now; zero when there is none.
    function workerOf(address hotkey) external view returns (address) {
        return owners[hotkey];
    }

    /// @notice A neuron's hotkey now.
    function hotkeyOf(address neuron) public view returns (address) {
        return address(hotkeys[neuron].latest());
    }

    /// @notice A neuron's hotkey at the end of a block.
    function hotkeyAt(address neuron, uint256 blockNumber) external view returns (address) {
        return address(hotkeys[neuron].upperLookupRecent(uint96(blockNumber)));
    }

    /// @notice Everything about one neuron but its stake.
    function neuronOf(address neuron) external view returns (Neuron memory) {
        return neurons[neuron];
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

    function _setJailed(address neuron, bool jailed) private {
        Neuron storage n = _registered(neuron);
        if (n.jailed == jailed) return;
        n.jailed = jailed;
        if (jailed) n.lastJailed = uint64(block.number);
        vault.setCounted(neuron, !jailed);
        emit Events.JailChanged(neuron, jailed);
    }

    function _setHotkey(address neuron, address hotkey) private {
        owners[hotkey] = neuron;
        hotkeys[neuron].push(uint96(block.number), uint160(hotkey));
        emit Events.HotkeySet(neuron, hotkey);
    }

    function _setEndpoint(string calldata endpoint) private {
        if (bytes(endpoint).length > MAX_ENDPOINT) revert Errors.EndpointTooLong();
        neurons[msg.sender].endpoint = endpoint;
    }

    function _registered(address neuron) private view returns (Neuron storage n) {
        n = neurons[neuron];
        if (n.role == Role.None) revert Errors.NotRegistered(neuron);
    }

    function _owed(IERC20) internal pure override returns (uint256) {
        return 0;
    }
}
