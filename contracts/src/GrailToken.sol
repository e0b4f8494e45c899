// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {Governed} from "./Governed.sol";
import {Errors} from "./libraries/Errors.sol";
import {Events} from "./libraries/Events.sol";

/// @notice The token of a network that this one follows.
interface IPredecessor {
    function totalSupply() external view returns (uint256);
    function transferFrom(address from, address to, uint256 amount) external returns (bool);
    function burn(uint256 amount) external;
}

/// @title The network's token: stake, reward and vote. Only the RewardPool mints, never above the cap.
/// @dev A network that follows another takes over its tokens one for one, each for one that is burnt there, never more than
///      there were (`limit`): what is minted there later closes the exchange, and is worth nothing here.
contract GrailToken is ERC20, ERC20Permit, ERC20Votes, Governed {
    /// @notice Most tokens that will ever exist at once, in wei.
    uint256 public immutable cap;
    /// @notice The RewardPool: the only account that may mint.
    address public immutable minter;
    /// @notice Wei burnt so far: supply ever minted = totalSupply + totalBurnt.
    uint256 public totalBurnt;
    /// @notice The token that this one follows; zero where it follows none.
    IPredecessor public immutable predecessor;
    /// @notice Most wei of the predecessor that can ever be exchanged.
    uint256 public immutable limit;
    /// @notice Wei of the predecessor that were exchanged so far.
    uint256 public exchanged;

    /// @param holders who holds the initial supply, and `amounts` how much of it in wei
    /// @param predecessor_ zero where it follows none, and `limit_` is zero then
    constructor(
        address timelock,
        address minter_,
        uint256 cap_,
        address[] memory holders,
        uint256[] memory amounts,
        IPredecessor predecessor_,
        uint256 limit_
    ) ERC20("Grail", "GRAIL") ERC20Permit("Grail") Governed(timelock) {
        if (minter_ == address(0)) revert Errors.ZeroAddress();
        if (holders.length != amounts.length) revert Errors.LengthMismatch(holders.length, amounts.length);
        if ((limit_ == 0) != (address(predecessor_) == address(0))) revert Errors.ZeroAddress();
        cap = cap_;
        minter = minter_;
        predecessor = predecessor_;
        limit = limit_;
        for (uint256 i = 0; i < holders.length; ++i) {
            _mint(holders[i], amounts[i]);
        }
        if (totalSupply() + limit_ > cap_) revert Errors.CapExceeded(totalSupply() + limit_, cap_);
    }

    /// @notice Mints new tokens, RewardPool only.
    /// @param burnt wei that are counted as minted and burnt in the same breath
    function mint(address to, uint256 amount, uint256 burnt) external {
        if (msg.sender != minter) revert Errors.Unauthorized(msg.sender);
        uint256 supply = spoken() + amount + burnt;
        if (supply > cap) revert Errors.CapExceeded(supply, cap);
        if (burnt > 0) totalBurnt += burnt;
        _mint(to, amount);
    }

    /// @notice Takes the caller's tokens of the network before, which it has approved, burns them, and gives as many of this
    ///         one. Closed while there are, with those exchanged, more than `limit`.
    function exchange(uint256 amount) external {
        if (amount == 0 || address(predecessor) == address(0)) revert Errors.NothingToDo();
        exchanged += amount;
        if (!predecessor.transferFrom(msg.sender, address(this), amount)) revert Errors.NothingToDo();
        predecessor.burn(amount);
        uint256 all = predecessor.totalSupply() + exchanged;
        if (all > limit) revert Errors.ExchangeClosed(all, limit);
        emit Events.Exchanged(msg.sender, amount);
        _mint(msg.sender, amount);
    }

    /// @notice Wei that exist, or can still be exchanged: what is left below the cap may be minted.
    function spoken() public view returns (uint256) {
        return totalSupply() + limit - exchanged;
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
