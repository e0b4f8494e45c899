// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Governed} from "./Governed.sol";
import {RewardPolicy} from "./RewardPolicy.sol";
import {Errors} from "./libraries/Errors.sol";
import {Events} from "./libraries/Events.sol";

/// @title The guardian's only power: to stop value from moving out, for a while, and not again soon.
/// @dev clock() counts blocks but stands still during a pause. What matures by it (unbonding stake, a settlement's
///      challenge period) neither matures nor expires while nothing can be done about it.
contract PauseSwitch is Governed {
    /// @notice After a pause the guardian must rest this many times its longest length.
    uint256 public constant REST = 3;

    RewardPolicy public immutable policy;
    address public guardian;
    uint64 public pausedFrom;
    uint64 public pausedUntil;
    /// @notice First block at which the guardian may pause again.
    uint64 public readyAgain;
    uint64 private frozen;

    constructor(address timelock, RewardPolicy policy_, address guardian_) Governed(timelock) {
        policy = policy_;
        guardian = guardian_;
    }

    /// @notice Stops value for pause_blocks at most; guardian only.
    function pause() external {
        if (msg.sender != guardian) revert Errors.Unauthorized(msg.sender);
        if (block.number < readyAgain) revert Errors.TooEarly(block.number, readyAgain);
        frozen = uint64(block.number - clock());
        uint256 length = policy.get("pause_blocks");
        pausedFrom = uint64(block.number);
        pausedUntil = uint64(block.number + length);
        readyAgain = uint64(pausedUntil + REST * length);
        emit Events.PauseChanged(pausedFrom, pausedUntil);
    }

    /// @notice Ends a pause early; the guardian or the timelock.
    function resume() external {
        if (msg.sender != guardian && msg.sender != owner()) revert Errors.Unauthorized(msg.sender);
        if (!paused()) revert Errors.NotPaused();
        pausedUntil = uint64(block.number);
        emit Events.PauseChanged(pausedFrom, pausedUntil);
    }

    /// @notice Replaces the guardian; zero means that nobody can pause.
    function setGuardian(address guardian_) external onlyOwner {
        guardian = guardian_;
        emit Events.GuardianSet(guardian_);
    }

    /// @notice Reverts while paused.
    function requireRunning() external view {
        if (paused()) revert Errors.Paused(pausedUntil);
    }

    /// @notice True while value may not move out.
    function paused() public view returns (bool) {
        return block.number < pausedUntil;
    }

    /// @notice Blocks so far, without the paused ones. Never falls; rises by at most one a block.
    function clock() public view returns (uint256) {
        uint256 end = block.number < pausedUntil ? block.number : pausedUntil;
        return block.number - frozen - (end - pausedFrom);
    }

    function _owed(IERC20) internal pure override returns (uint256) {
        return 0;
    }
}
