// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Role} from "../src/StakeVault.sol";
import {Errors} from "../src/libraries/Errors.sol";
import {Network} from "./base/Network.sol";

contract ValidatorSetTest is Network {
    address private constant DUST = address(0xD000);

    function setUp() public {
        setUpNetwork();
    }

    function stakeOf(address validator) private returns (uint256) {
        pass(1);
        return active.stakeAt(validator, block.number - 1);
    }

    function raise(address validator, uint128 amount) private {
        fund(address(0xA11), amount);
        vm.prank(address(0xA11));
        vault.stake(validator, amount);
    }

    function dust(uint256 count) private {
        for (uint160 i = 0; i < count; ++i) {
            join(address(uint160(DUST) + i), Role.Validator, 1_000 ether);
        }
    }

    function test_points_belongToWhomTheyLieWith() public {
        raise(validators[1], 5_000 ether);
        pass(1);
        uint256 b = block.number - 1;
        assertEq(active.totalAt(b), 35_000 ether, "all");
        uint256 next = 0;
        for (uint256 i = 0; i < 3; ++i) {
            (uint256 start, uint256 stake) = active.rangeAt(validators[i], b);
            assertEq(start, next, "side by side");
            next = start + stake;
            assertEq(active.holderAt(start, b), validators[i], "its first point");
            assertEq(active.holderAt(next - 1, b), validators[i], "its last point");
        }
        vm.expectRevert(abi.encodeWithSelector(Errors.NoSuchPoint.selector, next));
        active.holderAt(next, b);
    }

    function test_history_isWhatItWas() public {
        uint256 before = block.number;
        pass(1);
        raise(validators[0], 7_000 ether);
        assertEq(active.stakeAt(validators[0], before), 10_000 ether, "then");
        assertEq(stakeOf(validators[0]), 17_000 ether, "later");
        vm.prank(address(court));
        registry.jail(validators[0]);
        assertEq(active.stakeAt(validators[0], block.number - 1), 17_000 ether, "still in the block before");
        assertEq(stakeOf(validators[0]), 0, "gone after it");
        assertEq(active.totalAt(block.number - 1), 20_000 ether, "from the total too");
        assertEq(active.holderAt(0, before), validators[0], "its old place is its own");
        vm.expectRevert(abi.encodeWithSelector(Errors.NotPast.selector, block.number, block.number));
        active.totalAt(block.number);
    }

    /// @dev F24: delegations to a validator that cannot work count for nothing.
    function test_idle_stakeIsNotInIt() public {
        raise(validators[0], 90_000 ether);
        vm.prank(validators[0]);
        vault.requestUnstake(validators[0], 10_000 ether);
        assertEq(stakeOf(validators[0]), 0, "ninety thousand without an owner");
        assertTrue(!active.isSeated(validators[0]), "no place");
    }

    /// @dev F2: dust fills no place that a larger one wants.
    function test_sit_displacesTheSmallest() public {
        dust(125);
        assertEq(active.count(), 128, "full");
        address late = address(0x1A7E);
        join(late, Role.Validator, 1_000 ether);
        assertTrue(!active.isSeated(late), "no place left");
        vm.expectRevert(abi.encodeWithSelector(Errors.StakeTooLow.selector, 1_000 ether, 1_000 ether + 1));
        active.sit(late);
        raise(address(uint160(DUST) + 1), 1 ether);
        raise(late, 1);
        active.sit(late);
        assertTrue(active.isSeated(late), "seated");
        assertTrue(!active.isSeated(DUST), "in the place of one of the smallest");
        assertEq(active.count(), 128, "no more than before");
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadySeated.selector, late));
        active.sit(late);
        for (uint256 i = 0; i < 3; ++i) {
            assertTrue(active.isSeated(validators[i]), "the large ones stay");
        }
    }

    function test_sit_takesAFreePlace() public {
        dust(126);
        address last = address(uint160(DUST) + 125);
        assertTrue(!active.isSeated(last), "too late");
        vm.prank(address(court));
        registry.jail(DUST);
        active.sit(last);
        assertTrue(active.isSeated(last), "the jailed one's place");
        assertEq(stakeOf(last), 1_000 ether, "with its stake");
        vm.expectRevert(abi.encodeWithSelector(Errors.NotActive.selector, DUST));
        active.sit(DUST);
    }

    function test_shrink_whenAVoteLowersTheNumber() public {
        raise(validators[0], 1 ether);
        raise(validators[2], 2 ether);
        vm.expectRevert(Errors.NothingToDo.selector);
        active.shrink();
        set("max_validators", 2);
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadySeated.selector, validators[1]));
        active.sit(validators[1]);
        active.shrink();
        assertTrue(!active.isSeated(validators[1]), "the smallest");
        vm.expectRevert(Errors.NothingToDo.selector);
        active.shrink();
        (address[] memory who, uint256[] memory stakes) = active.members();
        assertEq(who.length, 2, "two are left");
        assertEq(stakes[1], 10_002 ether, "with their stakes");
    }

    function startOf(uint64 window) private view returns (uint256) {
        return ledger.startOf(window);
    }

    function announce(address validator) private returns (uint64 window) {
        vm.prank(validator);
        active.announceRest();
        (window,,) = active.restOf(validator);
    }

    function test_rest_countsFromTheWindowAfterTheNextOn() public {
        vm.roll(startOf(3) + 1);
        uint64 window = announce(validators[0]);
        assertEq(window, 4, "it can leave in the next window");
        vm.expectRevert(abi.encodeWithSelector(Errors.OutsidePhase.selector, block.number, startOf(4), startOf(5) - 1));
        active.rest(validators[0]);
        vm.roll(startOf(4));
        assertTrue(active.isSeated(validators[0]), "still there");
        vm.prank(address(0xBEEF));
        active.rest(validators[0]);
        assertEq(
            active.stakeAt(validators[0], startOf(4) - 1), 10_000 ether, "its seats of the next window are its own"
        );
        vm.roll(startOf(5));
        assertEq(active.stakeAt(validators[0], startOf(5) - 1), 0, "none of the window after");
        assertEq(active.totalAt(startOf(5) - 1), 20_000 ether, "nor in any total");
        assertEq(active.count(), 2, "its place is free");
        vm.expectRevert(Errors.NothingToDo.selector);
        active.rest(validators[0]);
    }

    /// @dev An announcement in store would be a way out at once, whenever it suits.
    function test_rest_lapsesWhenItIsNotTaken() public {
        vm.roll(startOf(3));
        announce(validators[0]);
        vm.roll(startOf(5));
        vm.expectRevert(abi.encodeWithSelector(Errors.OutsidePhase.selector, block.number, startOf(4), startOf(5) - 1));
        active.rest(validators[0]);
        assertEq(announce(validators[0]), 6, "announced anew");
    }

    function test_rest_nobodyIsSentAway() public {
        vm.roll(startOf(3));
        vm.expectRevert(Errors.NothingToDo.selector);
        active.rest(validators[1]);
        vm.prank(MINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotActive.selector, MINER));
        active.announceRest();
        announce(validators[1]);
        vm.prank(validators[1]);
        active.endRest();
        vm.roll(startOf(4));
        vm.expectRevert(Errors.NothingToDo.selector);
        active.rest(validators[1]);
    }

    function test_rest_noPlaceUntilItEnds() public {
        vm.roll(startOf(3));
        announce(validators[0]);
        vm.roll(startOf(4));
        active.rest(validators[0]);
        vm.expectRevert(abi.encodeWithSelector(Errors.Resting.selector, validators[0]));
        active.sit(validators[0]);
        vm.prank(validators[0]);
        vm.expectRevert(abi.encodeWithSelector(Errors.Resting.selector, validators[0]));
        active.announceRest();
        raise(validators[0], 5 ether);
        assertTrue(!active.isSeated(validators[0]), "a delegation does not wake it");
        vm.startPrank(validators[0]);
        active.endRest();
        vm.expectRevert(Errors.NothingToDo.selector);
        active.endRest();
        vm.stopPrank();
        active.sit(validators[0]);
        assertEq(stakeOf(validators[0]), 10_005 ether, "back, with all its stake");
    }

    /// @dev A rest takes nobody out of reach.
    function test_rest_staysSlashable() public {
        vm.roll(startOf(3));
        announce(validators[0]);
        vm.roll(startOf(4));
        active.rest(validators[0]);
        vm.prank(address(jury));
        (uint256 slashed,) = vault.slash(validators[0], 1_000 ether);
        assertEq(slashed, 1_000 ether, "taken");
        vm.prank(address(court));
        registry.jail(validators[0]);
        vm.prank(validators[0]);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotActive.selector, validators[0]));
        active.endRest();
    }

    function test_update_onlyTheVault() public {
        vm.expectRevert(abi.encodeWithSelector(Errors.Unauthorized.selector, address(this)));
        active.update(validators[0], 1);
    }

    function testFuzz_tree_addsUp(uint96[12] calldata amounts, uint8[12] calldata who) public {
        for (uint256 i = 0; i < 12; ++i) {
            address validator = validators[who[i] % 3];
            uint256 own = vault.ownStakeOf(validator);
            if (amounts[i] % 4 == 0 && own > 0) {
                vm.prank(address(jury));
                vault.slash(validator, amounts[i] % own);
            } else {
                raise(validator, uint128(1 ether + amounts[i] % 1_000 ether));
            }
            pass(1);
            uint256 sum = 0;
            for (uint256 v = 0; v < 3; ++v) {
                (uint256 start, uint256 stake) = active.rangeAt(validators[v], block.number - 1);
                assertEq(stake, vault.standingStake(validators[v]), "each");
                if (stake > 0) assertEq(active.holderAt(start + stake / 2, block.number - 1), validators[v], "point");
                sum += stake;
            }
            assertEq(active.totalAt(block.number - 1), sum, "all");
        }
    }
}
