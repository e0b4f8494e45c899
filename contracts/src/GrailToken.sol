// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {Errors} from "./libraries/Errors.sol";

/// @title The network's token: stake, reward and vote. Only the RewardPool mints, never above the cap.
contract GrailToken is ERC20, ERC20Permit, ERC20Votes {
    /// @notice Most tokens that will ever exist at once, in wei.
    uint256 public immutable cap;
    address private immutable deployer;
    /// @notice The only account that may mint; set once.
    address public minter;
    /// @notice Wei burnt so far: supply ever minted = totalSupply + totalBurnt.
    uint256 public totalBurnt;

    constructor(address holder, uint256 initialSupply, uint256 cap_) ERC20("Grail", "GRAIL") ERC20Permit("Grail") {
        cap = cap_;
        deployer = msg.sender;
        if (initialSupply > cap_) revert Errors.CapExceeded(initialSupply, cap_);
        _mint(holder, initialSupply);
    }

    /// @notice Names the minter, once, by the deployer.
    function setMinter(address minter_) external {
        if (msg.sender != deployer) revert Errors.Unauthorized(msg.sender);
        if (minter != address(0)) revert Errors.AlreadyWired();
        if (minter_ == address(0)) revert Errors.ZeroAddress();
        minter = minter_;
    }

    /// @notice Mints new tokens, RewardPool only.
    function mint(address to, uint256 amount) external {
        if (msg.sender != minter) revert Errors.Unauthorized(msg.sender);
        if (totalSupply() + amount > cap) revert Errors.CapExceeded(totalSupply() + amount, cap);
        _mint(to, amount);
    }

    /// @notice Burns the caller's own tokens.
    function burn(uint256 amount) external {
        totalBurnt += amount;
        _burn(msg.sender, amount);
    }

    function _update(address from, address to, uint256 value) internal override(ERC20, ERC20Votes) {
        super._update(from, to, value);
    }

    function nonces(address owner) public view override(ERC20Permit, Nonces) returns (uint256) {
        return super.nonces(owner);
    }
}
