// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {BitMaps} from "@openzeppelin/contracts/utils/structs/BitMaps.sol";
import {GrailToken} from "./GrailToken.sol";
import {Governed} from "./Governed.sol";
import {PauseSwitch} from "./PauseSwitch.sol";
import {RewardPolicy} from "./RewardPolicy.sol";
import {RolloutLedger} from "./RolloutLedger.sol";
import {StakeVault} from "./StakeVault.sol";
import {Errors} from "./libraries/Errors.sol";
import {Events} from "./libraries/Events.sol";
import {Payouts} from "./libraries/Payouts.sol";
import {Entry, SumTree} from "./libraries/SumTree.sol";

/// @title The emission: how much a window may mint, and its payment against proofs.
/// @dev Mints a settlement's total and not a wei more; payout trees commit to their sum, so no set of claims can take
///      more than it. What somebody does not claim in time goes to the treasury.
contract RewardPool is Governed {
    using SafeERC20 for IERC20;
    using BitMaps for BitMaps.BitMap;

    struct Settlement {
        bytes32 root;
        uint128 total;
        uint64 expiresAt;
        uint32 size;
    }

    uint256 private constant BPS = 10_000;

    GrailToken public immutable token;
    RewardPolicy public immutable policy;
    RolloutLedger public immutable ledger;
    StakeVault public immutable vault;
    PauseSwitch public immutable pauseSwitch;
    /// @notice The ScoreBoard: the only account that reserves and settles.
    address public immutable board;
    address public immutable treasury;
    mapping(uint64 window => Settlement) private settlements;
    mapping(uint64 window => BitMaps.BitMap) private paid;
    /// @notice Wei that are settled and not yet claimed or expired, over all windows.
    uint256 public unclaimed;
    /// @notice Wei of proposed settlements that are not final: not minted, but spoken for under the cap.
    uint256 public reserved;

    struct Wiring {
        address timelock;
        GrailToken token;
        RewardPolicy policy;
        RolloutLedger ledger;
        StakeVault vault;
        PauseSwitch pauseSwitch;
        address board;
        address treasury;
    }

    constructor(Wiring memory w) Governed(w.timelock) {
        if (w.treasury == address(0)) revert Errors.ZeroAddress();
        token = w.token;
        policy = w.policy;
        ledger = w.ledger;
        vault = w.vault;
        pauseSwitch = w.pauseSwitch;
        board = w.board;
        treasury = w.treasury;
    }

    /// @notice Wei that a window may mint, burnt part included: the governed emission, halved every halving_windows,
    ///         and never more than the cap still allows.
    function emissionOf(uint64 window) public view returns (uint256) {
        uint256 start = ledger.startOf(window);
        uint256 halvings = window / policy.valueAt("halving_windows", start);
        uint256 due = halvings > 255 ? 0 : policy.valueAt("emission_per_window", start) >> halvings;
        uint256 used = token.totalSupply() + reserved;
        uint256 left = used < token.cap() ? token.cap() - used : 0;
        return due < left ? due : left;
    }

    /// @notice Speaks for a proposal's emission; board only.
    function reserve(uint256 emission) external {
        _onlyBoard();
        reserved += emission;
    }

    /// @notice Lets go of a failed proposal's emission; board only.
    function unreserve(uint256 emission) external {
        _onlyBoard();
        reserved -= emission;
    }

    /// @notice Fixes a window's payouts, mints their total and burns the burn share; board only.
    /// @param root sealed sum tree of the payouts
    function settle(uint64 window, bytes32 root, uint32 size, uint128 total, uint256 emission) external {
        _onlyBoard();
        Settlement storage entry = settlements[window];
        if (entry.expiresAt != 0) revert Errors.AlreadySettled(window);
        uint256 burnt = total == 0 ? 0 : emission * policy.valueAt("split_burn_bps", ledger.startOf(window)) / BPS;
        if (total + burnt > emission) revert Errors.AboveBudget(total + burnt, emission);
        reserved -= emission;
        uint64 expiresAt = uint64(pauseSwitch.clock() + policy.get("claim_expiry_blocks"));
        settlements[window] = Settlement(root, total, expiresAt, size);
        unclaimed += total;
        token.mint(address(this), total + burnt);
        token.burn(burnt);
        emit Events.WindowSettled(window, root, total, burnt);
    }

    /// @notice Pays a neuron, or the treasury, its part of a window. Anyone may call; the money goes where it is due:
    ///         to the neuron, and to the vault for those who delegated to it.
    /// @param entry the payout's leaf: its key is Payouts.key(share, account), its value the amount in wei
    function claim(uint64 window, Entry calldata entry) external {
        Settlement memory s = _settled(window);
        if (pauseSwitch.clock() >= s.expiresAt) revert Errors.ClaimExpired(window);
        (uint8 share, address account) = _take(window, s, entry);
        emit Events.Claimed(window, account, share, entry.value);
        (uint256 own, uint256 rest) =
            share == Payouts.TREASURY ? (uint256(entry.value), 0) : vault.divide(account, entry.value);
        if (own > 0) IERC20(address(token)).safeTransfer(account, own);
        if (rest > 0) IERC20(address(token)).safeTransfer(address(vault), rest);
    }

    /// @notice Sends what somebody did not claim within claim_expiry_blocks to the treasury. Anyone may call.
    function expire(uint64 window, Entry calldata entry) external {
        Settlement memory s = _settled(window);
        if (pauseSwitch.clock() < s.expiresAt) revert Errors.TooEarly(pauseSwitch.clock(), s.expiresAt);
        (uint8 share, address account) = _take(window, s, entry);
        emit Events.Expired(window, account, share, entry.value);
        IERC20(address(token)).safeTransfer(treasury, entry.value);
    }

    /// @notice A window's settlement; expiresAt is zero when there is none.
    function settlementOf(uint64 window) external view returns (Settlement memory) {
        return settlements[window];
    }

    /// @notice True once a window's payouts are fixed.
    function isSettled(uint64 window) external view returns (bool) {
        return settlements[window].expiresAt != 0;
    }

    /// @notice True when leaf number `index` of a window's payouts was claimed.
    function isPaid(uint64 window, uint256 index) external view returns (bool) {
        return paid[window].get(index);
    }

    /// @dev Marks a leaf as paid, once, against its proof.
    function _take(uint64 window, Settlement memory s, Entry calldata entry)
        private
        returns (uint8 share, address account)
    {
        pauseSwitch.requireRunning();
        if (entry.key >> 168 != 0) revert Errors.BadProof();
        (share, account) = Payouts.parts(entry.key);
        bool known = share >= Payouts.MINER && share <= Payouts.TREASURY;
        if (!known || (share == Payouts.TREASURY && account != treasury)) revert Errors.BadProof();
        if (paid[window].get(entry.index)) revert Errors.AlreadyClaimed(window, account);
        SumTree.requireEntry(s.root, s.total, Payouts.context(window), s.size, entry);
        paid[window].set(entry.index);
        unclaimed -= entry.value;
    }

    function _settled(uint64 window) private view returns (Settlement memory s) {
        s = settlements[window];
        if (s.expiresAt == 0) revert Errors.NotSettled(window);
    }

    function _onlyBoard() private view {
        if (msg.sender != board) revert Errors.Unauthorized(msg.sender);
    }

    function _owed(IERC20 asset) internal view override returns (uint256) {
        return address(asset) == address(token) ? unclaimed : 0;
    }
}
