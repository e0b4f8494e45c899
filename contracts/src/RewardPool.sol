// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {CheckpointRegistry} from "./CheckpointRegistry.sol";
import {FaultCourt} from "./FaultCourt.sol";
import {GrailToken} from "./GrailToken.sol";
import {Governed} from "./Governed.sol";
import {PauseSwitch} from "./PauseSwitch.sol";
import {RewardPolicy, Split} from "./RewardPolicy.sol";
import {RolloutLedger} from "./RolloutLedger.sol";
import {StakeVault} from "./StakeVault.sol";
import {ValidatorSet} from "./ValidatorSet.sol";
import {Errors} from "./libraries/Errors.sol";
import {Events} from "./libraries/Events.sol";
import {LeafTree, SettlementLeaf, Terms} from "./libraries/Settlements.sol";

interface IRejections {
    function overturned(uint64 window, address miner) external view returns (uint256);
}

/// @title The emission: how much a window may mint, and its payment against proofs.
/// @dev Mints at a window's end what its leaves pay at once, and what is held when a jury lets it go: never more than the
///      window's emission. A part that nobody earned (silent seats, rejected work) is never minted. What somebody does
///      not claim in time goes to the treasury.
contract RewardPool is Governed {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// @notice Whose part of the emission.
    enum Share {
        None,
        Miner,
        Validator,
        Trainer,
        Treasury
    }

    /// @dev Amounts in wei, none above emission_per_window's bound. `miners`: their budget, which is divided by `whole`, a
    ///      sum of `count` worths of 64 bits; the validators' is divided by `whole` times `seats`. `count`: commitments.
    ///      Two words for a miner's claim.
    struct Settlement {
        bytes32 root;
        uint80 miners;
        uint96 whole;
        uint32 count;
        uint48 expiresAt;
        uint80 emission;
        uint8 seats;
    }

    uint256 private constant BPS = 10_000;
    bytes32 private constant SEATS = keccak256("audit_seats");
    bytes32 private constant EXPIRY = keccak256("claim_expiry_blocks");
    bytes32 private constant HALVING = keccak256("halving_windows");
    bytes32 private constant EMISSION = keccak256("emission_per_window");

    GrailToken public immutable token;
    RewardPolicy public immutable policy;
    RolloutLedger public immutable ledger;
    StakeVault public immutable vault;
    PauseSwitch public immutable pauseSwitch;
    CheckpointRegistry public immutable checkpoints;
    FaultCourt public immutable court;
    /// @notice The Jury: it overturns rejections.
    IRejections public immutable jury;
    /// @notice The ScoreBoard: the only account that reserves and settles.
    address public immutable board;
    address public immutable treasury;
    uint256 private immutable places;
    mapping(uint64 window => Settlement) private settlements;
    /// @dev One bit for each leaf.
    mapping(uint64 window => mapping(uint256 word => uint256)) private paid;
    /// @notice Wei that are minted and not yet claimed or expired, over all windows.
    uint256 public unclaimed;
    /// @notice Wei of stated settlements that are not final: not minted, but spoken for under the cap.
    uint256 public reserved;

    struct Wiring {
        address timelock;
        GrailToken token;
        RewardPolicy policy;
        RolloutLedger ledger;
        StakeVault vault;
        PauseSwitch pauseSwitch;
        CheckpointRegistry checkpoints;
        FaultCourt court;
        IRejections jury;
        address board;
        address treasury;
        uint256 places;
    }

    constructor(Wiring memory w) Governed(w.timelock) {
        if (w.treasury == address(0)) revert Errors.ZeroAddress();
        token = w.token;
        policy = w.policy;
        ledger = w.ledger;
        vault = w.vault;
        pauseSwitch = w.pauseSwitch;
        checkpoints = w.checkpoints;
        court = w.court;
        jury = w.jury;
        board = w.board;
        treasury = w.treasury;
        places = w.places;
    }

    /// @notice Wei that a window may mint, burnt part included: the governed emission, halved every halving_windows,
    ///         and never more than the cap still allows.
    function emissionOf(uint64 window) public view returns (uint256) {
        uint256 start = ledger.startOf(window);
        uint256 halvings = window / policy.valueOf(HALVING, start);
        uint256 due = halvings > 255 ? 0 : policy.valueOf(EMISSION, start) >> halvings;
        uint256 used = token.spoken() + reserved;
        uint256 left = used < token.cap() ? token.cap() - used : 0;
        return due < left ? due : left;
    }

    /// @notice Speaks for a window's emission; board only.
    function reserve(uint256 emission) external {
        _onlyBoard();
        reserved += emission;
    }

    /// @notice Lets go of it again; board only.
    function unreserve(uint256 emission) external {
        _onlyBoard();
        reserved -= emission;
    }

    /// @notice Fixes a window's payouts, mints what is due at once and burns the burn share; board only.
    function settle(uint64 window, Terms calldata terms, uint256 emission) external {
        _onlyBoard();
        Settlement storage s = settlements[window];
        if (s.expiresAt != 0) revert Errors.AlreadySettled(window);
        reserved -= emission;
        uint256 start = ledger.startOf(window);
        s.root = terms.root;
        s.expiresAt = uint48(pauseSwitch.clock() + policy.valueOf(EXPIRY, start));
        s.count = uint32(ledger.countOf(window));
        if (terms.whole == 0) {
            emit Events.WindowSettled(window, terms.root, 0, 0);
            return;
        }
        s.seats = uint8(policy.valueOf(SEATS, start));
        s.whole = uint256(terms.whole).toUint96();
        Split memory parts = policy.splitAt(start);
        s.miners = _part(emission, parts.miners).toUint80();
        s.emission = emission.toUint80();
        uint256 total = uint256(s.miners) * terms.due / terms.whole;
        total += _part(emission, parts.validators) * terms.earned / (uint256(terms.whole) * s.seats);
        total += _part(emission, parts.treasury);
        if (checkpoints.activeVersion(window) != 0) total += _part(emission, parts.trainer);
        uint256 burnt = _part(emission, parts.burn);
        unclaimed += total;
        token.mint(address(this), total, burnt);
        emit Events.WindowSettled(window, terms.root, total, burnt);
    }

    /// @notice Pays a miner or a validator its part of a window. Anyone may call; the money goes where it is due: to the
    ///         neuron, and to the vault for those who delegated to it.
    /// @param index the leaf's place: a miner's own, a validator's last
    function claim(uint64 window, uint256 index, SettlementLeaf calldata leaf, bytes32[] calldata path) external {
        Settlement storage s = settlements[window];
        uint256 expiresAt = s.expiresAt;
        if (expiresAt == 0) revert Errors.NotSettled(window);
        if (pauseSwitch.runningClock() >= expiresAt) revert Errors.ClaimExpired(window);
        (Share share, uint256 amount) = _due(window, s, index, leaf, path);
        _mark(window, index, leaf.account);
        if (share == Share.Miner) {
            if (court.convicted(window, leaf.account)) revert Errors.Convicted(window, leaf.account);
            if (leaf.holds > 0) _letGo(window, leaf, amount);
        }
        _pay(window, share, leaf.account, amount);
    }

    /// @notice Sends what somebody did not claim within claim_expiry_blocks to the treasury. Anyone may call. What is held
    ///         was never minted.
    function expire(uint64 window, uint256 index, SettlementLeaf calldata leaf, bytes32[] calldata path) external {
        Settlement storage s = _settled(window);
        uint256 clock = pauseSwitch.runningClock();
        if (clock < s.expiresAt) revert Errors.TooEarly(clock, s.expiresAt);
        (Share share, uint256 amount) = _due(window, s, index, leaf, path);
        if (leaf.holds > 0) revert Errors.PayHeld(window, leaf.account);
        _mark(window, index, leaf.account);
        unclaimed -= amount;
        emit Events.Expired(window, leaf.account, uint8(share), amount);
        IERC20(address(token)).safeTransfer(treasury, amount);
    }

    /// @dev Whose leaf this is, and what it is worth in wei; reverts on what is not under the root, or pays nobody.
    function _due(
        uint64 window,
        Settlement storage s,
        uint256 index,
        SettlementLeaf calldata leaf,
        bytes32[] calldata path
    ) private view returns (Share share, uint256 amount) {
        // three of a word in one read
        (uint256 count, uint256 miners, uint256 whole) = (s.count, s.miners, s.whole);
        uint256 size = LeafTree.size(count, places);
        if (path.length != LeafTree.depth(size)) revert Errors.BadProof();
        if (!LeafTree.leads(s.root, LeafTree.digest(window, index, leaf), index, path)) revert Errors.BadProof();
        if (index < count) {
            (share, amount) = (Share.Miner, leaf.value == 0 ? 0 : miners * leaf.value / whole);
        } else {
            uint256 pages = LeafTree.pages(count);
            if (index >= size || (index - count) % pages != pages - 1) revert Errors.NotPayable(window, index);
            share = Share.Validator;
            amount = _validatorsPart(window, s, leaf.value);
        }
        if (amount == 0) revert Errors.NotPayable(window, index);
    }

    /// @notice Pays the publisher of the window's checkpoint, or the treasury. Anyone may call, at any time.
    function claimShare(uint64 window, Share share) external {
        pauseSwitch.requireRunning();
        Settlement storage s = _settled(window);
        uint256 size = LeafTree.size(s.count, places);
        uint64 version = checkpoints.activeVersion(window);
        bool trainer = share == Share.Trainer && version != 0;
        if (s.whole == 0 || (!trainer && share != Share.Treasury)) revert Errors.NotPayable(window, uint256(share));
        address account = trainer ? checkpoints.checkpoint(version).publisher : treasury;
        Split memory parts = policy.splitAt(ledger.startOf(window));
        uint256 amount = _part(s.emission, trainer ? parts.trainer : parts.treasury);
        if (amount == 0) revert Errors.NotPayable(window, uint256(share));
        _mark(window, trainer ? size : size + 1, account);
        _pay(window, share, account, amount);
    }

    /// @notice A window's settlement; expiresAt is zero when there is none.
    function settlementOf(uint64 window) external view returns (Settlement memory) {
        return settlements[window];
    }

    /// @notice True once a window's payouts are fixed.
    function isSettled(uint64 window) external view returns (bool) {
        return settlements[window].expiresAt != 0;
    }

    /// @notice True when leaf number `index` of a window was paid; behind the leaves come the trainer and the treasury.
    function isPaid(uint64 window, uint256 index) external view returns (bool) {
        return paid[window][index >> 8] >> (index & 255) & 1 == 1;
    }

    /// @dev Held pay is minted when every rejection of it has been overturned.
    function _letGo(uint64 window, SettlementLeaf calldata leaf, uint256 amount) private {
        if (jury.overturned(window, leaf.account) < leaf.holds) revert Errors.PayHeld(window, leaf.account);
        unclaimed += amount;
        token.mint(address(this), amount, 0);
    }

    function _pay(uint64 window, Share share, address account, uint256 amount) private {
        unclaimed -= amount;
        emit Events.Claimed(window, account, uint8(share), amount);
        (uint256 own, uint256 rest) = share == Share.Treasury ? (amount, 0) : vault.divide(account, amount);
        if (own > 0) IERC20(address(token)).safeTransfer(account, own);
        if (rest > 0) IERC20(address(token)).safeTransfer(address(vault), rest);
    }

    function _validatorsPart(uint64 window, Settlement storage s, uint256 value) private view returns (uint256) {
        if (value == 0) return 0;
        uint256 budget = _part(s.emission, policy.splitAt(ledger.startOf(window)).validators);
        return budget * value / (uint256(s.whole) * s.seats);
    }

    function _part(uint256 emission, uint256 bps) private pure returns (uint256) {
        return emission * bps / BPS;
    }

    /// @dev Marks as paid, once.
    function _mark(uint64 window, uint256 index, address account) private {
        mapping(uint256 => uint256) storage words = paid[window];
        (uint256 place, uint256 bit) = (index >> 8, 1 << (index & 255));
        uint256 word = words[place];
        if (word & bit != 0) revert Errors.AlreadyClaimed(window, account);
        words[place] = word | bit;
    }

    function _settled(uint64 window) private view returns (Settlement storage s) {
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
