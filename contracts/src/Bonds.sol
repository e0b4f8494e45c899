// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {GrailToken} from "./GrailToken.sol";
import {Governed} from "./Governed.sol";
import {PauseSwitch} from "./PauseSwitch.sol";
import {RewardPolicy} from "./RewardPolicy.sol";

/// @title Keeps the bonds of whoever claims that somebody is wrong. The wrong one pays: half to the other side, half
///        burnt, so that nobody gains by quarrelling with themselves.
abstract contract Bonds is Governed {
    using SafeERC20 for IERC20;

    GrailToken public immutable token;
    RewardPolicy public immutable policy;
    PauseSwitch public immutable pauseSwitch;
    /// @notice Wei of bonds held now.
    uint256 public bondsHeld;

    constructor(address timelock, GrailToken token_, RewardPolicy policy_, PauseSwitch pauseSwitch_)
        Governed(timelock)
    {
        token = token_;
        policy = policy_;
        pauseSwitch = pauseSwitch_;
    }

    function _take(address from, uint256 amount) internal {
        bondsHeld += amount;
        IERC20(address(token)).safeTransferFrom(from, address(this), amount);
    }

    function _give(address to, uint256 amount) internal {
        bondsHeld -= amount;
        IERC20(address(token)).safeTransfer(to, amount);
    }

    /// @dev Half to the winner, half burnt; all of it burnt where nobody has won.
    function _forfeit(address winner, uint256 amount) internal {
        uint256 half = winner == address(0) ? 0 : amount / 2;
        bondsHeld -= amount;
        if (half > 0) IERC20(address(token)).safeTransfer(winner, half);
        token.burn(amount - half);
    }

    function _owed(IERC20 asset) internal view override returns (uint256) {
        return address(asset) == address(token) ? bondsHeld : 0;
    }
}
