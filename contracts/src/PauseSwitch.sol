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
    /// @notice First block at which the guardian may pause again.
    uint64 public readyAgain;
    /// @dev Every pause: its blocks, and how many were paused before it.
    Pause[] private pauses;

    struct Pause {
        uint64 from;
        uint64 until;
        uint64 before;
    }

    constructor(address timelock, RewardPolicy policy_, address guardian_) Governed(timelock) {
        policy = policy_;
        guardian = guardian_;
    }

    /// @notice Stops value for pause_blocks at most; guardian only.
    function pause() external {
        if (msg.sender != guardian) revert Errors.Unauthorized(msg.sender);
        if (block.number < readyAgain) revert Errors.TooEarly(block.number, readyAgain);
        uint64 before = uint64(block.number - clock());
        uint256 length = policy.get("pause_blocks");
        uint64 until = uint64(block.number + length);
        pauses.push(Pause(uint64(block.number), until, before));
        readyAgain = uint64(until + REST * length);
        emit Events.PauseChanged(block.number, until);
    }

    /// @notice Ends a pause early; the guardian or the timelock.
    function resume() external {
        if (msg.sender != guardian && msg.sender != owner()) revert Errors.Unauthorized(msg.sender);
        if (!paused()) revert Errors.NotPaused();
        Pause storage last = pauses[pauses.length - 1];
        last.until = uint64(block.number);
        emit Events.PauseChanged(last.from, last.until);
    }

    /// @notice Replaces the guardian; zero means that nobody can pause.
    function setGuardian(address guardian_) external onlyOwner {
        guardian = guardian_;
        emit Events.GuardianSet(guardian_);
    }

    /// @notice Reverts while paused.
    function requireRunning() external view {
        if (paused()) revert Errors.Paused(pausedUntil());
    }

    /// @notice The clock; reverts while paused.
    function runningClock() external view returns (uint256) {
        uint256 until = pausedUntil();
        if (block.number < until) revert Errors.Paused(until);
        return until == 0 ? block.number : clock();
    }

    /// @notice True while value may not move out.
    function paused() public view returns (bool) {
        return block.number < pausedUntil();
    }

    /// @notice Blocks so far, without the paused ones. Never falls; rises by at most one a block.
    function clock() public view returns (uint256) {
        return clockAt(block.number);
    }

    /// @notice What clock() was at a block that has come.
    function clockAt(uint256 blockNumber) public view returns (uint256) {
        for (uint256 i = pauses.length; i > 0; --i) {
            Pause memory p = pauses[i - 1];
            if (p.from > blockNumber) continue;
            uint256 end = blockNumber < p.until ? blockNumber : p.until;
            return blockNumber - p.before - (end - p.from);
        }
        return blockNumber;
    }

    /// @notice First block after the newest pause; zero when there was none.
    function pausedUntil() public view returns (uint256) {
        return pauses.length == 0 ? 0 : pauses[pauses.length - 1].until;
    }

    function _owed(IERC20) internal pure override returns (uint256) {
        return 0;
    }
}
