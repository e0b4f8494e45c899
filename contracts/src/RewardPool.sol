// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {GrailToken} from "./GrailToken.sol";
import {RewardPolicy} from "./RewardPolicy.sol";
import {RolloutLedger} from "./RolloutLedger.sol";
import {Errors} from "./libraries/Errors.sol";
import {Events} from "./libraries/Events.sol";

/// @title Mints what a settled window pays, and pays it out against Merkle proofs.
/// @dev Mints the settlement's total and not a wei more, so its balance is exactly what is still unclaimed.
contract RewardPool {
    using SafeERC20 for IERC20;

    struct Settlement {
        bool settled;
        bytes32 root;
        uint128 total;
        uint128 claimed;
    }

    address private immutable deployer;
    GrailToken public immutable token;
    RewardPolicy public immutable policy;
    RolloutLedger public immutable ledger;
    /// @notice The ScoreBoard, set once: the only account that settles.
    address public board;
    mapping(uint64 window => Settlement) private settlements;
    mapping(uint64 window => mapping(address account => bool)) public claimedBy;
    /// @notice Wei that are settled and not yet claimed, over all windows.
    uint256 public unclaimed;

    constructor(GrailToken token_, RewardPolicy policy_, RolloutLedger ledger_) {
        deployer = msg.sender;
        token = token_;
        policy = policy_;
        ledger = ledger_;
    }

    /// @notice Names the board, once, by the deployer.
    function setBoard(address board_) external {
        if (msg.sender != deployer) revert Errors.Unauthorized(msg.sender);
        if (board != address(0)) revert Errors.AlreadyWired();
        if (board_ == address(0)) revert Errors.ZeroAddress();
        board = board_;
    }

    /// @notice Fixes a window's payouts and mints their total, at most the window's emission.
    function settle(uint64 window, bytes32 root, uint256 total) external {
        if (msg.sender != board) revert Errors.Unauthorized(msg.sender);
        Settlement storage entry = settlements[window];
        if (entry.settled) revert Errors.AlreadySettled(window);
        uint256 budget = policy.valueAt("emission_per_window", ledger.startOf(window));
        if (total > budget) revert Errors.AboveBudget(total, budget);
        entry.settled = true;
        entry.root = root;
        entry.total = uint128(total);
        unclaimed += total;
        token.mint(address(this), total);
    }

    /// @notice Pays `account` its part of a window. Anyone may call; the money goes to `account`.
    function claim(uint64 window, address account, uint256 amount, bytes32[] calldata proof) external {
        Settlement storage entry = settlements[window];
        if (!entry.settled) revert Errors.NotSettled(window);
        if (claimedBy[window][account]) revert Errors.AlreadyClaimed(window, account);
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(window, account, amount))));
        if (!MerkleProof.verifyCalldata(proof, entry.root, leaf)) revert Errors.BadProof();
        uint256 left = entry.total - entry.claimed;
        if (amount > left) revert Errors.AboveSettlement(window, amount, left);
        claimedBy[window][account] = true;
        entry.claimed += uint128(amount);
        unclaimed -= amount;
        IERC20(address(token)).safeTransfer(account, amount);
        emit Events.Claimed(window, account, amount);
    }

    /// @notice A window's settlement.
    function settlementOf(uint64 window) external view returns (Settlement memory) {
        return settlements[window];
    }

    /// @notice True once a window's payouts are fixed.
    function isSettled(uint64 window) external view returns (bool) {
        return settlements[window].settled;
    }
}
