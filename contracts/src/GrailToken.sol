// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {Governed} from "./Governed.sol";
import {Errors} from "./libraries/Errors.sol";

/// @title The network's token: stake, reward and vote. Only the RewardPool mints, never above the cap.
contract GrailToken is ERC20, ERC20Permit, ERC20Votes, Governed {
    /// @notice Most tokens that will ever exist at once, in wei.
    uint256 public immutable cap;
    /// @notice The RewardPool: the only account that may mint.
    address public immutable minter;
    /// @notice Wei burnt so far: supply ever minted = totalSupply + totalBurnt.
    uint256 public totalBurnt;

    /// @param holders who holds the initial supply, and `amounts` how much of it in wei
    constructor(address timelock, address minter_, uint256 cap_, address[] memory holders, uint256[] memory amounts)
        ERC20("Grail", "GRAIL")
        ERC20Permit("Grail")
        Governed(timelock)
    {
        if (minter_ == address(0)) revert Errors.ZeroAddress();
        if (holders.length != amounts.length) revert Errors.LengthMismatch(holders.length, amounts.length);
        cap = cap_;
        minter = minter_;
        for (uint256 i = 0; i < holders.length; ++i) {
            _mint(holders[i], amounts[i]);
        }
        if (totalSupply() > cap_) revert Errors.CapExceeded(totalSupply(), cap_);
    }

    /// @notice Mints new tokens, RewardPool only.
    /// @param burnt wei that are counted as minted and burnt in the same breath
    function mint(address to, uint256 amount, uint256 burnt) external {
        if (msg.sender != minter) revert Errors.Unauthorized(msg.sender);
        uint256 supply = totalSupply() + amount + burnt;
        if (supply > cap) revert Errors.CapExceeded(supply, cap);
        if (burnt > 0) totalBurnt += burnt;
        _mint(to, amount);
    }

    /// @notice Burns the caller's own tokens.
    function burn(uint256 amount) external {
        totalBurnt += amount;
        _burn(msg.sender, amount);
    }

    function _update(address from, address to, uint256 value) internal override(ERC20, ERC20Votes) {
        if (to == address(this)) revert Errors.TransferToToken();
        super._update(from, to, value);
    }

    function _owed(IERC20) internal pure override returns (uint256) {
        return 0;
    }

    function nonces(address owner) public view override(ERC20Permit, Nonces) returns (uint256) {
        return super.nonces(owner);
    }
}
