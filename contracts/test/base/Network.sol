// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {CheckpointRegistry, IWindows} from "../../src/CheckpointRegistry.sol";
import {FaultCourt} from "../../src/FaultCourt.sol";
import {GrailToken} from "../../src/GrailToken.sol";
import {NeuronRegistry, Role} from "../../src/NeuronRegistry.sol";
import {RewardPolicy} from "../../src/RewardPolicy.sol";
import {RewardPool} from "../../src/RewardPool.sol";
import {RolloutLedger} from "../../src/RolloutLedger.sol";
import {ScoreBoard} from "../../src/ScoreBoard.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {RolloutLeaf, Leaf} from "../../src/libraries/Leaf.sol";
import {Timing} from "../../src/libraries/Schedule.sol";
import {Test} from "./Test.sol";

/// @dev A deployed and wired network with one miner, three validators and one trainer.
abstract contract Network is Test {
    uint64 internal constant GENESIS = 100;
    uint64 internal constant WINDOW = 60;
    address internal constant TREASURY = address(0x7EA5);
    address internal constant MINER = address(0x1111);
    address internal constant TRAINER = address(0x7777);
    bytes32 internal constant ENV = keccak256("arithmetic/1");

    GrailToken internal token;
    RewardPolicy internal policy;
    NeuronRegistry internal registry;
    CheckpointRegistry internal checkpoints;
    RolloutLedger internal ledger;
    RewardPool internal pool;
    ScoreBoard internal board;
    FaultCourt internal court;
    address[3] internal validators = [address(0x2221), address(0x2222), address(0x2223)];

    function setUpNetwork() internal {
        vm.roll(1);
        token = new GrailToken(address(this), 10_000_000 ether, 100_000_000 ether);
        string[] memory names = new string[](3);
        uint208[] memory values = new uint208[](3);
        (names[0], values[0]) = ("accusation_horizon_blocks", 120);
        (names[1], values[1]) = ("accusation_vote_blocks", 60);
        (names[2], values[2]) = ("unbonding_blocks", 200);
        policy = new RewardPolicy(address(this), names, values);
        registry = new NeuronRegistry(address(this), IERC20(address(token)), policy);
        checkpoints = new CheckpointRegistry(address(this), registry);
        ledger = new RolloutLedger(policy, registry, checkpoints, Timing(GENESIS, WINDOW, 10, 10, 10));
        pool = new RewardPool(token, policy, ledger);
        board = new ScoreBoard(policy, registry, ledger, pool);
        court = new FaultCourt(token, policy, registry, ledger, TREASURY);
        token.setMinter(address(pool));
        registry.setCourt(address(court));
        checkpoints.setWindows(IWindows(address(ledger)));
        pool.setBoard(address(board));
        string[] memory ids = new string[](1);
        uint32[] memory weights = new uint32[](1);
        (ids[0], weights[0]) = ("arithmetic/1", 1);
        policy.setEnvironments(ids, weights);
        join(MINER, Role.Miner, 2_000 ether);
        for (uint256 i = 0; i < 3; ++i) {
            join(validators[i], Role.Validator, 10_000 ether);
        }
        join(TRAINER, Role.Trainer, 5_000 ether);
        checkpoints.approve(TRAINER, true);
        vm.prank(TRAINER);
        checkpoints.publish(keccak256("v1"), 0, keccak256("manifest"), keccak256("rules"), 0, "sketch/1");
    }

    function join(address who, Role role, uint128 stake) internal {
        token.transfer(who, uint256(stake) + 1_000 ether);
        vm.startPrank(who);
        token.approve(address(registry), type(uint256).max);
        token.approve(address(court), type(uint256).max);
        registry.register(role, "test://", stake);
        vm.stopPrank();
    }

    function goTo(uint64 window, uint64 offset) internal {
        vm.roll(GENESIS + window * WINDOW + offset);
    }

    /// @dev The miner commits a tree of one leaf in window 0 and the window is in its score phase afterwards.
    function commitLeaf(RolloutLeaf memory leaf) internal {
        goTo(0, 1);
        vm.prank(MINER);
        ledger.commit(0, Leaf.digest(leaf), keccak256("blob"), 4, 1);
        goTo(0, 12);
    }

    function honestLeaf() internal pure returns (RolloutLeaf memory leaf) {
        leaf.miner = MINER;
        leaf.checkpointVersion = 1;
        leaf.envId = ENV;
        leaf.nTokens = 3;
    }

    function noProof() internal pure returns (bytes32[] memory) {
        return new bytes32[](0);
    }

    /// @dev Commits and reveals the same sheet for the given validators; the window then settles.
    function scoreBy(uint64 window, uint256 count) internal {
        bytes32 root = keccak256("sheet");
        for (uint256 i = 0; i < count; ++i) {
            goTo(window, 12);
            vm.prank(validators[i]);
            board.commitScores(window, keccak256(abi.encode(window, validators[i], root, bytes32(0), bytes32(0))));
        }
        goTo(window, 21);
        for (uint256 i = 0; i < count; ++i) {
            vm.prank(validators[i]);
            board.revealScores(window, root, 0, 0);
        }
        goTo(window, 31);
    }
}
