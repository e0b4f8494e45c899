// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Errors} from "./libraries/Errors.sol";
import {Events} from "./libraries/Events.sol";

/// @title Owned by the timelock, which can do one thing in every contract: give back what was sent by mistake.
abstract contract Governed is Ownable2Step {
    using SafeERC20 for IERC20;

    constructor(address timelock) Ownable(timelock) {}

    /// @notice Sends tokens that this contract owes to nobody. What it owes is out of reach, also for governance.
    function recover(IERC20 asset, address to, uint256 amount) external onlyOwner {
        if (to == address(0)) revert Errors.ZeroAddress();
        uint256 owed = _owed(asset);
        uint256 held = asset.balanceOf(address(this));
        uint256 spare = held > owed ? held - owed : 0;
        if (amount > spare) revert Errors.NotSpare(amount, spare);
        asset.safeTransfer(to, amount);
        emit Events.Recovered(address(asset), to, amount);
    }

    /// @dev What this contract owes to others in `asset`, in wei.
    function _owed(IERC20 asset) internal view virtual returns (uint256);
}
