// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {CheckpointRegistry, IWindows} from "../../src/CheckpointRegistry.sol";
import {DrandBeacon} from "../../src/DrandBeacon.sol";
import {FaultCourt} from "../../src/FaultCourt.sol";
import {GrailGovernor} from "../../src/GrailGovernor.sol";
import {GrailToken} from "../../src/GrailToken.sol";
import {Jury} from "../../src/Jury.sol";
import {NeuronRegistry} from "../../src/NeuronRegistry.sol";
import {PauseSwitch} from "../../src/PauseSwitch.sol";
import {RewardPolicy} from "../../src/RewardPolicy.sol";
import {RewardPool} from "../../src/RewardPool.sol";
import {RolloutLedger} from "../../src/RolloutLedger.sol";
import {ScoreBoard} from "../../src/ScoreBoard.sol";
import {Role, StakeVault} from "../../src/StakeVault.sol";
import {ValidatorSet} from "../../src/ValidatorSet.sol";
import {Commitment} from "../../src/libraries/Commitments.sol";
import {Leaf, RolloutLeaf} from "../../src/libraries/Leaf.sol";
import {Payouts} from "../../src/libraries/Payouts.sol";
import {Reveal, Terms} from "../../src/libraries/Settlements.sol";
import {Timing} from "../../src/libraries/Schedule.sol";
import {DrandSigner} from "./DrandSigner.sol";
import {Test} from "./Test.sol";
import {Trees} from "./Trees.sol";

/// @dev A deployed network, owned by its timelock, with one miner, three validators and one trainer. Contracts name
///      each other by the addresses that the deployer's next nonces give, as grail/chain/deployment.py does.
abstract contract Network is Test {
    using Trees for Trees.Tree;

    uint64 internal constant GENESIS = 100;
    uint64 internal constant WINDOW = 60;
    address internal constant MINER = address(0x1111);
    address internal constant TRAINER = address(0x7777);
    address internal constant GUARDIAN = address(0x9999);
    bytes32 internal constant ENV = keccak256("arithmetic/1");

    GrailToken internal token;
    RewardPolicy internal policy;
    PauseSwitch internal pauseSwitch;
    StakeVault internal vault;
    NeuronRegistry internal registry;
    CheckpointRegistry internal checkpoints;
    RolloutLedger internal ledger;
    RewardPool internal pool;
    ScoreBoard internal board;
    FaultCourt internal court;
    Jury internal jury;
    TimelockController internal timelock;
    GrailGovernor internal governor;
    DrandBeacon internal drand;
    ValidatorSet internal active;
    address[] internal validators = [address(0x2221), address(0x2222), address(0x2223)];
    Reveal[] internal reveals;

    function setUpNetwork() internal {
        vm.roll(1);
        vm.warp(1_700_000_000);
        delete reveals;
        uint256 next = vm.getNonce(address(this));
        address[15] memory places;
        for (uint256 i = 0; i < 15; ++i) {
            places[i] = vm.computeCreateAddress(address(this), next + i);
        }
        deployMoney(places);
        deployWork(places);
        deployJustice(places);
        drand = DrandBeacon(put("DrandBeacon", abi.encode(DrandSigner.publicKey(), uint64(1), uint64(3), uint64(30))));
        active = ValidatorSet(put("ValidatorSet", abi.encode(policy, vault)));
        require(address(active) == places[14], "addresses as predicted");
        join(MINER, Role.Miner, 2_000 ether);
        for (uint256 i = 0; i < 3; ++i) {
            join(validators[i], Role.Validator, 10_000 ether);
        }
        join(TRAINER, Role.Trainer, 5_000 ether);
        vm.prank(TRAINER);
        checkpoints.publish(keccak256("v1"), 0, keccak256("manifest"), keccak256("rules"), 0, "sketch/1");
        vm.roll(2);
    }

    /// @dev From the artifact, not by `new`: else every test contract would carry all contracts' code.
    function put(string memory name, bytes memory values) private returns (address) {
        return vm.deployCode(string.concat(name, ".sol:", name), values);
    }

    function deployMoney(address[15] memory to) private {
        address[] memory holders = new address[](1);
        uint256[] memory amounts = new uint256[](1);
        (holders[0], amounts[0]) = (address(this), 10_000_000 ether);
        token = GrailToken(put("GrailToken", abi.encode(to[11], to[7], uint256(100_000_000 ether), holders, amounts)));
        policy = RewardPolicy(
            put(
                "RewardPolicy",
                abi.encode(to[11], RewardPolicy.Floors(2, WINDOW), startNames(), startValues(), startMix())
            )
        );
        pauseSwitch = PauseSwitch(put("PauseSwitch", abi.encode(to[11], policy, GUARDIAN)));
        StakeVault.Wiring memory w = StakeVault.Wiring(
            to[11], IERC20(address(token)), policy, pauseSwitch, ValidatorSet(to[14]), to[4], to[7], to[9], to[10]
        );
        vault = StakeVault(put("StakeVault", abi.encode(w)));
    }

    function deployWork(address[15] memory to) private {
        registry = NeuronRegistry(put("NeuronRegistry", abi.encode(to[11], vault, to[9])));
        address[] memory trainers = new address[](1);
        trainers[0] = TRAINER;
        checkpoints =
            CheckpointRegistry(put("CheckpointRegistry", abi.encode(to[11], registry, IWindows(to[6]), trainers)));
        Timing memory timing = Timing(GENESIS, WINDOW, 10, 10, 10);
        ledger = RolloutLedger(put("RolloutLedger", abi.encode(policy, registry, vault, checkpoints, to[13], timing)));
        RewardPool.Wiring memory p = RewardPool.Wiring(to[11], token, policy, ledger, vault, pauseSwitch, to[8], to[11]);
        pool = RewardPool(put("RewardPool", abi.encode(p)));
        ScoreBoard.Wiring memory b =
            ScoreBoard.Wiring(to[11], token, policy, pauseSwitch, registry, ledger, pool, ValidatorSet(to[14]));
        board = ScoreBoard(put("ScoreBoard", abi.encode(b)));
    }

    function deployJustice(address[15] memory to) private {
        FaultCourt.Wiring memory c =
            FaultCourt.Wiring(to[11], token, policy, pauseSwitch, registry, vault, ledger, to[10], to[11]);
        court = FaultCourt(put("FaultCourt", abi.encode(c)));
        Jury.Wiring memory j =
            Jury.Wiring(to[11], token, policy, pauseSwitch, registry, vault, ledger, court, ValidatorSet(to[14]));
        jury = Jury(put("Jury", abi.encode(j)));
        address[] memory proposers = new address[](1);
        proposers[0] = to[12];
        bytes memory values = abi.encode(uint256(1 days), proposers, new address[](1), address(0));
        timelock = TimelockController(payable(put("TimelockController", values)));
        GrailGovernor.Rules memory rules = GrailGovernor.Rules(2, 20, 1_000 ether, 4, 5);
        governor = GrailGovernor(payable(put("GrailGovernor", abi.encode(token, vault, timelock, rules))));
    }

    function startNames() internal pure returns (string[] memory names) {
        names = new string[](10);
        names[0] = "accusation_horizon_blocks";
        names[1] = "vote_commit_blocks";
        names[2] = "vote_reveal_blocks";
        names[3] = "appeal_blocks";
        names[4] = "commission_notice_blocks";
        names[5] = "pause_blocks";
        names[6] = "unbonding_blocks";
        names[7] = "settlement_challenge_blocks";
        names[8] = "settlement_vote_blocks";
        names[9] = "claim_expiry_blocks";
    }

    function startValues() internal pure returns (uint208[] memory values) {
        values = new uint208[](10);
        (values[0], values[1], values[2], values[3], values[4]) = (120, 10, 10, 20, 40);
        (values[5], values[6], values[7], values[8], values[9]) = (50, 400, 20, 20, 1_000);
    }

    function startMix() internal pure returns (RewardPolicy.Mix memory mix) {
        mix = RewardPolicy.Mix(new string[](1), new uint32[](1), new uint32[](1));
        (mix.ids[0], mix.weights[0], mix.rewards[0]) = ("arithmetic/1", 1, 1_000);
    }

    function fund(address who, uint256 amount) internal {
        token.transfer(who, amount);
        vm.startPrank(who);
        token.approve(address(vault), type(uint256).max);
        token.approve(address(board), type(uint256).max);
        token.approve(address(jury), type(uint256).max);
        vm.stopPrank();
    }

    function join(address who, Role role, uint128 stake) internal {
        fund(who, uint256(stake) + 2_000 ether);
        vm.prank(who);
        registry.register(role, "test://", 1_000, stake);
    }

    function set(string memory name, uint208 value) internal {
        vm.prank(address(timelock));
        policy.set(name, value);
    }

    function goTo(uint64 window, uint64 offset) internal {
        vm.roll(GENESIS + window * WINDOW + offset);
    }

    function pass(uint256 blocks) internal {
        vm.roll(block.number + blocks);
    }

    // Commitments

    function commitment(uint64 window, bytes32 root, uint32 groups) internal pure returns (Commitment memory) {
        return Commitment(window, MINER, root, keccak256("blob"), groups, 1);
    }

    /// @dev The miner commits a tree of one leaf in window 0 and the window is in its score phase afterwards.
    function commitLeaf(RolloutLeaf memory leaf) internal returns (Commitment memory c) {
        goTo(0, 1);
        c = commitment(0, Leaf.digest(leaf), 4);
        vm.prank(MINER);
        ledger.commit(c);
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

    // Scores and settlements

    /// @dev A tree with one leaf.
    function single(bytes32 context, uint256 key, uint128 value) internal pure returns (Trees.Tree memory tree) {
        tree = Trees.make(context, 1);
        (tree.keys[0], tree.values[0]) = (key, value);
    }

    /// @dev A validator's sheet that scores the miner only.
    function sheet(uint64 window, address validator, uint128 score) internal pure returns (Trees.Tree memory) {
        return single(Payouts.scoreContext(window, validator), uint160(MINER), score);
    }

    /// @dev The first `count` validators commit and reveal sheets that give the miner `score`; reveals are over then.
    function scoreBy(uint64 window, uint256 count, uint128 score) internal {
        uint128[] memory scores = new uint128[](count);
        for (uint256 i = 0; i < count; ++i) {
            scores[i] = score;
        }
        scoreEach(window, scores);
    }

    function scoreEach(uint64 window, uint128[] memory scores) internal {
        delete reveals;
        goTo(window, 12);
        for (uint256 i = 0; i < scores.length; ++i) {
            bytes32 root = sheet(window, validators[i], scores[i]).root();
            vm.prank(validators[i]);
            board.commitScores(window, keccak256(abi.encode(window, validators[i], root, scores[i], bytes32(0), root)));
        }
        goTo(window, 21);
        for (uint256 i = 0; i < scores.length; ++i) {
            bytes32 root = sheet(window, validators[i], scores[i]).root();
            reveals.push(Reveal(validators[i], root, scores[i], uint128(vault.stakeOf(validators[i]))));
            vm.prank(validators[i]);
            board.revealScores(window, root, scores[i], 0, root);
        }
        goTo(window, 31);
    }

    /// @dev Terms that settle the miner on `score` and pay it `amount`, counting all reveals.
    function termsFor(uint64 window, uint128 score, uint128 amount) internal view returns (Terms memory terms) {
        Trees.Tree memory scores = single(Payouts.scoreContext(window, address(0)), uint160(MINER), score);
        Trees.Tree memory payouts = payoutTree(window, amount);
        terms = Terms(scores.root(), score, payouts.root(), amount, 1, (1 << reveals.length) - 1, keccak256("table"));
    }

    function payoutTree(uint64 window, uint128 amount) internal pure returns (Trees.Tree memory) {
        return single(Payouts.context(window), Payouts.key(Payouts.MINER, MINER), amount);
    }

    /// @dev Settles a scored window on the right terms: the miner has the whole miners' share.
    function settle(uint64 window, uint128 score) internal returns (Terms memory terms) {
        terms = termsFor(window, score, 600 ether);
        board.propose(window, terms, reveals);
        pass(20);
        board.finalize(window, terms);
    }
}
