// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Role} from "../src/StakeVault.sol";
import {Errors} from "../src/libraries/Errors.sol";
import {Network} from "./base/Network.sol";

contract NeuronRegistryTest is Network {
    address private constant HOTKEY = address(0x4071);

    function setUp() public {
        setUpNetwork();
    }

    function rotate(address hotkey) private {
        vm.prank(MINER);
        registry.proposeHotkey(hotkey);
        vm.prank(hotkey);
        registry.acceptHotkey(MINER);
    }

    function test_register_refusesSecondRole() public {
        vm.prank(MINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyRegistered.selector, MINER));
        registry.register(Role.Validator, "", 0, 10_000 ether);
    }

    function test_register_refusesLowStakeNoRoleAndLongEndpoints() public {
        fund(address(0xAA), 1_000 ether);
        vm.startPrank(address(0xAA));
        vm.expectRevert(abi.encodeWithSelector(Errors.StakeTooLow.selector, 1 ether, 100 ether));
        registry.register(Role.Miner, "", 0, 1 ether);
        vm.expectRevert(Errors.BadRole.selector);
        registry.register(Role.None, "", 0, 100 ether);
        vm.expectRevert(Errors.EndpointTooLong.selector);
        registry.register(Role.Miner, string(new bytes(257)), 0, 100 ether);
        vm.expectRevert(abi.encodeWithSelector(Errors.SplitAboveOne.selector, 10_001));
        registry.register(Role.Miner, "", 10_001, 100 ether);
    }

    function test_hotkey_worksInPlaceOfTheOwner() public {
        (address worker, uint256 stake) = registry.requireWorker(MINER, Role.Miner);
        assertEq(worker, MINER, "the owner, to begin with");
        assertEq(stake, 2_000 ether, "with its stake");
        rotate(HOTKEY);
        (worker,) = registry.requireWorker(HOTKEY, Role.Miner);
        assertEq(worker, MINER, "the hotkey");
        vm.expectRevert(abi.encodeWithSelector(Errors.NotActive.selector, MINER));
        registry.requireWorker(MINER, Role.Miner);
        assertEq(registry.hotkeyAt(MINER, 1), MINER, "who held it when is kept");
        pass(1);
        rotate(MINER);
        assertEq(registry.hotkeyOf(MINER), MINER, "and back");
        assertEq(registry.workerOf(HOTKEY), address(0), "the old one works for nobody");
    }

    function test_hotkey_nobodyBindsAStrangersKey() public {
        vm.prank(MINER);
        registry.proposeHotkey(HOTKEY);
        vm.prank(address(0xBAD));
        vm.expectRevert(abi.encodeWithSelector(Errors.Unauthorized.selector, address(0xBAD)));
        registry.acceptHotkey(MINER);
        vm.prank(MINER);
        registry.proposeHotkey(TRAINER);
        vm.prank(TRAINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.HotkeyTaken.selector, TRAINER));
        registry.acceptHotkey(MINER);
    }

    function test_hotkey_isNoNeuronsAddress() public {
        vm.prank(validators[0]);
        registry.proposeHotkey(address(0x4072));
        vm.prank(address(0x4072));
        registry.acceptHotkey(validators[0]);
        vm.prank(MINER);
        registry.proposeHotkey(validators[0]);
        vm.prank(validators[0]);
        vm.expectRevert(abi.encodeWithSelector(Errors.HotkeyTaken.selector, validators[0]));
        registry.acceptHotkey(MINER);
    }

    function test_hotkey_cannotRegisterANeuronOfItsOwn() public {
        rotate(HOTKEY);
        vm.prank(HOTKEY);
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyRegistered.selector, HOTKEY));
        registry.register(Role.Miner, "", 0, 100 ether);
    }

    function test_hotkey_movesNoMoney() public {
        rotate(HOTKEY);
        vm.prank(HOTKEY);
        vm.expectRevert(abi.encodeWithSelector(Errors.StakeTooLow.selector, 0, 1 ether));
        vault.requestUnstake(MINER, 1 ether);
        vm.prank(HOTKEY);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotRegistered.selector, HOTKEY));
        registry.proposeHotkey(HOTKEY);
    }

    function test_jail_takesTheStakeOutOfTheVote() public {
        pass(1);
        uint256 before = active.totalAt(block.number - 1);
        vm.prank(address(court));
        registry.jail(validators[0]);
        pass(1);
        assertEq(active.totalAt(block.number - 1), before - 10_000 ether, "jailed stake does not count");
        assertTrue(!registry.isActive(validators[0], Role.Validator), "inactive");
        vm.prank(address(timelock));
        registry.release(validators[0]);
        pass(1);
        assertEq(active.totalAt(block.number - 1), before, "released stake counts again");
    }

    function test_jail_onlyCourt_release_onlyAVote() public {
        vm.expectRevert(abi.encodeWithSelector(Errors.Unauthorized.selector, address(this)));
        registry.jail(MINER);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, address(this)));
        registry.release(MINER);
    }

    function test_recordsAreTheCallersOnly() public {
        vm.startPrank(MINER);
        registry.setEndpoint("https://new");
        registry.setSs58(keccak256("key"));
        assertEq(registry.neuronOf(MINER).ss58, keccak256("key"), "ss58");
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(Errors.NotRegistered.selector, address(this)));
        registry.setEndpoint("https://mine");
        vm.expectRevert(abi.encodeWithSelector(Errors.NotRegistered.selector, address(this)));
        registry.setSs58(0);
    }

    function test_members_inPages() public view {
        assertEq(registry.memberCount(), 5, "five");
        assertEq(registry.membersFrom(0, 2).length, 2, "a page");
        assertEq(registry.membersFrom(4, 10).length, 1, "the rest");
        assertEq(registry.membersFrom(9, 10).length, 0, "nothing");
    }
}
