// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Errors} from "../src/libraries/Errors.sol";
import {Network} from "./base/Network.sol";

contract ScoreBoardTest is Network {
    function setUp() public {
        setUpNetwork();
    }

    function payoutLeaf(uint64 window, address account, uint256 amount) private pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(window, account, amount))));
    }

    function attest(uint256 validator, bytes32 root, uint256 total) private {
        vm.prank(validators[validator]);
        board.attestSettlement(0, root, total);
    }

    function test_attest_majoritySettlesAndMintsExactly() public {
        scoreBy(0, 3);
        bytes32 root = payoutLeaf(0, MINER, 600 ether);
        uint256 supply = token.totalSupply();
        attest(0, root, 600 ether);
        assertTrue(!pool.isSettled(0), "one of three decides nothing");
        attest(1, root, 600 ether);
        assertTrue(pool.isSettled(0), "two of three do");
        assertEq(token.totalSupply() - supply, 600 ether, "minted to the wei");
        uint256 before = token.balanceOf(MINER);
        pool.claim(0, MINER, 600 ether, noProof());
        assertEq(token.balanceOf(MINER) - before, 600 ether, "paid to the account, whoever calls");
    }

    function test_attest_minorityCannotSettle() public {
        scoreBy(0, 3);
        attest(0, keccak256("a lie"), 900 ether);
        attest(1, keccak256("truth"), 800 ether);
        assertTrue(!pool.isSettled(0), "no agreement");
        attest(2, keccak256("truth"), 800 ether);
        assertTrue(pool.isSettled(0), "the majority's root");
        assertEq(pool.settlementOf(0).root, keccak256("truth"), "not the lie");
    }

    function test_attest_onlyOnce() public {
        scoreBy(0, 3);
        attest(0, keccak256("r"), 1);
        vm.prank(validators[0]);
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyAttested.selector, 0, validators[0]));
        board.attestSettlement(0, keccak256("r"), 1);
    }

    function test_attest_tooFewRevealsPayNobody() public {
        scoreBy(0, 1);
        attest(0, keccak256("r"), 1 ether);
        assertTrue(!pool.isSettled(0), "a third of the stake is no quorum");
    }

    function test_attest_neverAboveTheEmission() public {
        scoreBy(0, 3);
        attest(0, keccak256("r"), 1_000 ether + 1);
        vm.prank(validators[1]);
        vm.expectRevert(abi.encodeWithSelector(Errors.AboveBudget.selector, 1_000 ether + 1, 1_000 ether));
        board.attestSettlement(0, keccak256("r"), 1_000 ether + 1);
    }

    function test_claim_onlyOnceAndOnlyWithProof() public {
        scoreBy(0, 3);
        bytes32 root = payoutLeaf(0, MINER, 5 ether);
        attest(0, root, 5 ether);
        attest(1, root, 5 ether);
        vm.expectRevert(Errors.BadProof.selector);
        pool.claim(0, MINER, 6 ether, noProof());
        vm.expectRevert(Errors.BadProof.selector);
        pool.claim(0, TRAINER, 5 ether, noProof());
        pool.claim(0, MINER, 5 ether, noProof());
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyClaimed.selector, 0, MINER));
        pool.claim(0, MINER, 5 ether, noProof());
    }

    function test_claim_leafAboveTheTotalCannotDrainOtherWindows() public {
        scoreBy(0, 3);
        bytes32 root = payoutLeaf(0, MINER, 50 ether);
        attest(0, root, 5 ether);
        attest(1, root, 5 ether);
        vm.expectRevert(abi.encodeWithSelector(Errors.AboveSettlement.selector, 0, 50 ether, 5 ether));
        pool.claim(0, MINER, 50 ether, noProof());
    }

    function test_reveal_onlyWhatWasCommitted() public {
        goTo(0, 12);
        vm.prank(validators[0]);
        board.commitScores(0, keccak256("something else"));
        goTo(0, 21);
        vm.prank(validators[0]);
        vm.expectRevert();
        board.revealScores(0, keccak256("sheet"), 0, 0);
    }

    function test_reveal_cannotBeCopied() public {
        goTo(0, 12);
        bytes32 sheet = keccak256("sheet");
        bytes32 original = keccak256(abi.encode(uint64(0), validators[0], sheet, bytes32(0), bytes32(0)));
        vm.prank(validators[0]);
        board.commitScores(0, original);
        vm.prank(validators[1]);
        board.commitScores(0, original);
        goTo(0, 21);
        vm.prank(validators[1]);
        vm.expectRevert();
        board.revealScores(0, sheet, 0, 0);
    }

    function test_commitScores_notByMiners() public {
        goTo(0, 12);
        vm.prank(MINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotActive.selector, MINER));
        board.commitScores(0, keccak256("x"));
    }

    function test_settle_onlyBoard() public {
        vm.expectRevert(abi.encodeWithSelector(Errors.Unauthorized.selector, address(this)));
        pool.settle(0, keccak256("r"), 1);
    }

    function test_mint_onlyPool() public {
        vm.expectRevert(abi.encodeWithSelector(Errors.Unauthorized.selector, address(this)));
        token.mint(address(this), 1);
    }
}
