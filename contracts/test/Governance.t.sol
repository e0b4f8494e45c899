// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {RewardPolicy} from "../src/RewardPolicy.sol";
import {Role} from "../src/StakeVault.sol";
import {Errors} from "../src/libraries/Errors.sol";
import {RolloutLeaf} from "../src/libraries/Leaf.sol";
import {Network} from "./base/Network.sol";

contract GovernanceTest is Network {
    address private constant ANN = address(0xA11);
    address private constant BOB = address(0xB0B);

    address[] private targets;
    uint256[] private values;
    bytes[] private calls;

    function setUp() public {
        setUpNetwork();
        // eligible voters with all other tokens out of the way: quorum is 4 % of ten million
        fund(ANN, 500_000 ether);
        fund(BOB, 500_000 ether);
        vm.prank(ANN);
        token.delegate(ANN);
        vm.prank(BOB);
        vault.stake(MINER, 450_000 ether);
        targets = [address(policy)];
        values = [0];
        calls = [abi.encodeCall(RewardPolicy.set, ("audit_rollouts", 96))];
        pass(1);
    }

    function propose(address who) private returns (uint256 id) {
        vm.prank(who);
        id = governor.propose(targets, values, calls, "more audits");
        pass(3);
    }

    function finish() private {
        pass(21);
        governor.queue(targets, values, calls, keccak256("more audits"));
        vm.warp(block.timestamp + 1 days + 1);
        governor.execute(targets, values, calls, keccak256("more audits"));
    }

    function test_vote_changesThePolicy() public {
        uint256 id = propose(ANN);
        vm.prank(ANN);
        governor.castVote(id, 1);
        finish();
        assertEq(policy.get("audit_rollouts"), 96, "changed");
    }

    function test_vote_stakedTokensKeepTheirVotes() public {
        uint256 id = propose(BOB);
        vm.prank(BOB);
        governor.castVote(id, 1);
        (, uint256 inFavour,) = governor.proposalVotes(id);
        assertEq(inFavour, 450_000 ether, "all that he staked, nothing that he did not delegate");
        finish();
        assertEq(policy.get("audit_rollouts"), 96, "changed");
    }

    function test_vote_noTokenVotesTwice() public {
        uint256 id = propose(ANN);
        vm.prank(ANN);
        governor.castVote(id, 1);
        vm.prank(ANN);
        vault.stake(MINER, 400_000 ether);
        vm.prank(ANN);
        token.transfer(address(0xCA11), 50_000 ether);
        vm.prank(address(0xCA11));
        token.delegate(address(0xCA11));
        pass(1);
        vm.prank(address(0xCA11));
        governor.castVote(id, 1);
        (, uint256 inFavour,) = governor.proposalVotes(id);
        assertEq(inFavour, 500_000 ether, "weights are those of the snapshot");
    }

    function test_vote_belowQuorumChangesNothing() public {
        vm.prank(ANN);
        token.transfer(address(this), 200_000 ether);
        uint256 id = propose(ANN);
        vm.prank(ANN);
        governor.castVote(id, 1);
        pass(21);
        assertTrue(governor.state(id) == IGovernor.ProposalState.Defeated, "three per cent");
    }

    function test_vote_queueAndExecuteOnlyInTime() public {
        uint256 id = propose(ANN);
        vm.prank(ANN);
        governor.castVote(id, 1);
        vm.expectRevert();
        governor.queue(targets, values, calls, keccak256("more audits"));
        pass(21);
        governor.queue(targets, values, calls, keccak256("more audits"));
        vm.expectRevert();
        governor.execute(targets, values, calls, keccak256("more audits"));
    }

    function test_vote_bySignatureOfAColdKey() public {
        uint256 key = 0xC01D;
        address cold = vm.addr(key);
        token.transfer(cold, 400_000 ether);
        vm.prank(cold);
        token.delegate(cold);
        pass(1);
        uint256 id = propose(ANN);
        bytes32 structHash = keccak256(abi.encode(governor.BALLOT_TYPEHASH(), id, uint8(1), cold, uint256(0)));
        (, string memory name, string memory version, uint256 chainId, address place,,) = governor.eip712Domain();
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(name)),
                keccak256(bytes(version)),
                chainId,
                place
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, keccak256(abi.encodePacked("\x19\x01", domain, structHash)));
        governor.castVoteBySig(id, 1, cold, abi.encodePacked(r, s, v));
        assertTrue(governor.hasVoted(id, cold), "voted");
    }

    function test_permit_expiredSignatureIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(ERC20Permit.ERC2612ExpiredSignature.selector, block.timestamp - 1));
        token.permit(ANN, address(this), 1, block.timestamp - 1, 27, 0, 0);
    }

    function test_timelock_answersToTheGovernorAlone() public view {
        bytes32 admin = timelock.DEFAULT_ADMIN_ROLE();
        assertTrue(timelock.hasRole(timelock.PROPOSER_ROLE(), address(governor)), "the governor proposes");
        assertTrue(timelock.hasRole(timelock.EXECUTOR_ROLE(), address(0)), "anyone executes");
        assertTrue(timelock.hasRole(admin, address(timelock)), "it administers itself");
        assertTrue(!timelock.hasRole(admin, address(this)), "the deployer does not");
        assertTrue(!timelock.hasRole(timelock.PROPOSER_ROLE(), address(this)), "nor proposes");
        address[9] memory owned = [
            address(token),
            address(policy),
            address(pauseSwitch),
            address(vault),
            address(registry),
            address(checkpoints),
            address(pool),
            address(court),
            address(jury)
        ];
        for (uint256 i = 0; i < owned.length; ++i) {
            assertEq(RewardPolicy(owned[i]).owner(), address(timelock), "owned by the timelock");
        }
        assertEq(board.owner(), address(timelock), "the board too");
    }

    /// @dev F12: everything that a vote may do against a miner at once. What was asked back leaves on the old terms, work
    ///      that has begun keeps its sentence, and the worst sentence of all is one half.
    function test_vote_theWorstLegalProposalTakesNoStake() public {
        goTo(0, 1);
        RolloutLeaf memory leaf = honestLeaf();
        vm.prank(MINER);
        ledger.commit(commitment(0, rootOf(leaf), 1));
        vm.prank(MINER);
        vault.requestUnstake(MINER, 1_000 ether);
        goTo(1, 0);
        worst();
        goTo(2, 1);
        assertTrue(!registry.isActive(MINER, Role.Miner), "a vote may bar from work");
        vm.expectRevert(Errors.NoFault.selector);
        court.proveDerivationFault(commitment(0, rootOf(leaf), 1), leaf, 1, entryOf(leaf));
        assertEq(vault.ownStakeOf(MINER), 1_000 ether, "nothing is taken");
        vm.prank(MINER);
        vault.requestUnstake(MINER, 1_000 ether);
        goTo(0, 402);
        vm.prank(MINER);
        assertEq(vault.withdraw(), 1_000 ether, "on the terms of when it was asked");
        pass(2_000_000);
        vm.prank(MINER);
        assertEq(vault.withdraw(), 1_000 ether, "late, but whole");
    }

    function worst() private {
        string[6] memory names = [
            "slash_bps",
            "slash_accuser_bps",
            "slash_burn_bps",
            "unbonding_blocks",
            "accusation_horizon_blocks",
            "min_stake_miner"
        ];
        string[] memory all = new string[](6);
        uint208[] memory to = new uint208[](6);
        for (uint256 i = 0; i < 6; ++i) {
            (uint208 low, uint208 high) = policy.bounds(keccak256(bytes(names[i])));
            (all[i], to[i]) = (names[i], i == 2 ? low : high);
        }
        vm.prank(address(timelock));
        policy.setMany(all, to);
    }
}
