// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Errors} from "../src/libraries/Errors.sol";
import {Network} from "./base/Network.sol";

contract PauseSwitchTest is Network {
    function setUp() public {
        setUpNetwork();
    }

    function pause() private {
        vm.prank(GUARDIAN);
        pauseSwitch.pause();
    }

    function test_pause_onlyGuardianAndNotAgainSoon() public {
        vm.expectRevert(abi.encodeWithSelector(Errors.Unauthorized.selector, address(this)));
        pauseSwitch.pause();
        pause();
        uint256 ready = block.number + 50 + 150;
        pass(199);
        vm.prank(GUARDIAN);
        vm.expectRevert(abi.encodeWithSelector(Errors.TooEarly.selector, block.number, ready));
        pauseSwitch.pause();
        pass(1);
        pause();
    }

    function test_pause_endsByItselfOrEarly() public {
        pause();
        assertTrue(pauseSwitch.paused(), "paused");
        pass(50);
        assertTrue(!pauseSwitch.paused(), "over");
        vm.expectRevert(abi.encodeWithSelector(Errors.Unauthorized.selector, address(this)));
        pauseSwitch.resume();
        vm.prank(GUARDIAN);
        vm.expectRevert(Errors.NotPaused.selector);
        pauseSwitch.resume();
        pass(150);
        pause();
        pass(10);
        vm.prank(address(timelock));
        pauseSwitch.resume();
        assertTrue(!pauseSwitch.paused(), "a vote ends it");
    }

    function test_pause_endedEarlyIsRestedFromAllTheSame() public {
        pause();
        uint256 ready = pauseSwitch.readyAgain();
        pass(1);
        vm.startPrank(GUARDIAN);
        pauseSwitch.resume();
        vm.expectRevert(abi.encodeWithSelector(Errors.TooEarly.selector, block.number, ready));
        pauseSwitch.pause();
    }

    function test_clock_standsStillWhilePaused() public {
        uint256 before = pauseSwitch.clock();
        pass(5);
        assertEq(pauseSwitch.clock(), before + 5, "runs");
        pause();
        pass(30);
        assertEq(pauseSwitch.clock(), before + 5, "stands");
        pass(30);
        assertEq(pauseSwitch.clock(), before + 15, "runs on");
        pass(140);
        pause();
        pass(20);
        vm.prank(GUARDIAN);
        pauseSwitch.resume();
        pass(1);
        assertEq(pauseSwitch.clock(), before + 156, "after a second, shorter one");
    }

    function test_clockAt_remembersEveryPause() public {
        uint256[4] memory blocks;
        uint256[4] memory clocks;
        for (uint256 i = 0; i < 4; ++i) {
            (blocks[i], clocks[i]) = (block.number, pauseSwitch.clock());
            if (block.number >= pauseSwitch.readyAgain()) pause();
            pass(i == 1 ? 20 : 210);
        }
        for (uint256 i = 0; i < 4; ++i) {
            assertEq(pauseSwitch.clockAt(blocks[i]), clocks[i], "as it was");
        }
    }

    function test_guardian_isReplacedByAVote() public {
        vm.prank(address(timelock));
        pauseSwitch.setGuardian(address(0));
        vm.prank(GUARDIAN);
        vm.expectRevert(abi.encodeWithSelector(Errors.Unauthorized.selector, GUARDIAN));
        pauseSwitch.pause();
    }

    function testFuzz_clock_neverFallsAndRisesByAtMostOne(uint8[24] calldata steps) public {
        for (uint256 i = 0; i < steps.length; ++i) {
            uint256 before = pauseSwitch.clock();
            if (steps[i] % 3 == 0 && block.number >= pauseSwitch.readyAgain()) pause();
            if (steps[i] % 3 == 1 && pauseSwitch.paused()) {
                vm.prank(GUARDIAN);
                pauseSwitch.resume();
            }
            assertEq(pauseSwitch.clock(), before, "actions do not move it");
            uint256 blocks = steps[i];
            pass(blocks);
            assertTrue(pauseSwitch.clock() >= before, "never back");
            assertLe(pauseSwitch.clock(), before + blocks, "at most a block a block");
        }
    }
}
