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
import {IRejections, RewardPool} from "../../src/RewardPool.sol";
import {RolloutLedger} from "../../src/RolloutLedger.sol";
import {ScoreBoard} from "../../src/ScoreBoard.sol";
import {Role, StakeVault} from "../../src/StakeVault.sol";
import {ValidatorSet} from "../../src/ValidatorSet.sol";
import {SettlementJudge, ISheets} from "../../src/SettlementJudge.sol";
import {Commitment, Commitments} from "../../src/libraries/Commitments.sol";
import {Leaf, RolloutLeaf} from "../../src/libraries/Leaf.sol";
import {Evidence, LeafTree, SettlementLeaf, Terms} from "../../src/libraries/Settlements.sol";
import {Sheets} from "../../src/libraries/Sheets.sol";
import {Sortition} from "../../src/libraries/Sortition.sol";
import {Entry, SumTree} from "../../src/libraries/SumTree.sol";
import {Timing} from "../../src/libraries/Schedule.sol";
import {DrandSigner} from "./DrandSigner.sol";
import {Test} from "./Test.sol";

/// @dev A deployed network, owned by its timelock, with one miner, three validators and one trainer. Contracts name
///      each other by the addresses that the deployer's next nonces give, as grail/chain/deployment.py does.
abstract contract Network is Test {
    uint64 internal constant GENESIS = 100;
    uint64 internal constant WINDOW = 60;
    uint16 internal constant NETUID = 5;
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
    SettlementJudge internal judge;
    /// @dev Commitments of the window that is played, in order, and what each validator has revealed in it.
    Commitment[] internal committed;
    mapping(uint64 window => mapping(address validator => bytes)) internal sheets;
    /// @dev What each miner has committed since the start.
    mapping(uint64 window => mapping(address miner => Commitment)) internal made;
    /// @dev All leaves of the reckoning last made, and the levels of their tree.
    SettlementLeaf[] internal leaves;
    bytes32[][] internal levels;

    function setUpNetwork() internal {
        vm.roll(1);
        vm.warp(1_700_000_000);
        delete committed;
        uint256 next = vm.getNonce(address(this));
        address[16] memory places;
        for (uint256 i = 0; i < 16; ++i) {
            places[i] = vm.computeCreateAddress(address(this), next + i);
        }
        deployMoney(places);
        deployWork(places);
        deployJustice(places);
        drand = DrandBeacon(put("DrandBeacon", abi.encode(DrandSigner.publicKey(), uint64(1), uint64(3), uint64(30))));
        active = ValidatorSet(put("ValidatorSet", abi.encode(policy, vault, registry, ledger, NETUID)));
        require(address(active) == places[14], "addresses as predicted");
        judge =
            SettlementJudge(put("SettlementJudge", abi.encode(policy, ledger, active, court, ISheets(address(board)))));
        require(address(judge) == places[15], "addresses as predicted");
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

    function deployMoney(address[16] memory to) private {
        address[] memory holders = new address[](1);
        uint256[] memory amounts = new uint256[](1);
        (holders[0], amounts[0]) = (address(this), 10_000_000 ether);
        token = GrailToken(
            put(
                "GrailToken",
                abi.encode(to[11], to[7], uint256(100_000_000 ether), holders, amounts, address(0), uint256(0))
            )
        );
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

    function deployWork(address[16] memory to) private {
        registry = NeuronRegistry(put("NeuronRegistry", abi.encode(to[11], vault, to[9])));
        address[] memory trainers = new address[](1);
        trainers[0] = TRAINER;
        checkpoints =
            CheckpointRegistry(put("CheckpointRegistry", abi.encode(to[11], registry, IWindows(to[6]), trainers)));
        Timing memory timing = Timing(GENESIS, WINDOW, 10, 10, 10);
        ledger = RolloutLedger(put("RolloutLedger", abi.encode(policy, registry, vault, checkpoints, to[13], timing)));
        RewardPool.Wiring memory p = RewardPool.Wiring(
            to[11],
            token,
            policy,
            ledger,
            vault,
            pauseSwitch,
            checkpoints,
            FaultCourt(to[9]),
            IRejections(to[10]),
            to[8],
            to[11],
            128
        );
        pool = RewardPool(put("RewardPool", abi.encode(p)));
        ScoreBoard.Wiring memory b = ScoreBoard.Wiring(
            to[11], token, policy, pauseSwitch, registry, ledger, pool, ValidatorSet(to[14]), SettlementJudge(to[15])
        );
        board = ScoreBoard(put("ScoreBoard", abi.encode(b)));
    }

    function deployJustice(address[16] memory to) private {
        FaultCourt.Wiring memory c =
            FaultCourt.Wiring(to[11], token, policy, pauseSwitch, registry, vault, ledger, to[10], to[11]);
        court = FaultCourt(put("FaultCourt", abi.encode(c)));
        Jury.Wiring memory j = Jury.Wiring(
            to[11],
            token,
            policy,
            pauseSwitch,
            registry,
            vault,
            ledger,
            court,
            ValidatorSet(to[14]),
            SettlementJudge(to[15])
        );
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
        names[8] = "settlement_move_blocks";
        names[9] = "claim_expiry_blocks";
    }

    function startValues() internal pure returns (uint208[] memory values) {
        values = new uint208[](10);
        (values[0], values[1], values[2], values[3], values[4]) = (120, 10, 10, 20, 40);
        (values[5], values[6], values[7], values[8], values[9]) = (50, 400, 20, 5, 1_000);
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
        if (role == Role.Miner) pledge(who, 4);
    }

    function pledge(address miner, uint32 groups) internal {
        vm.prank(miner);
        ledger.pledge(groups);
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

    uint64 internal constant WORTH = 3_000;

    function commitment(uint64 window, bytes32 root, uint32 groups) internal pure returns (Commitment memory) {
        return Commitment(window, MINER, root, keccak256("blob"), groups, 1, WORTH);
    }

    /// @dev The miner commits a tree of one leaf in window 0 and the window is in its score phase afterwards.
    function commitLeaf(RolloutLeaf memory leaf) internal returns (Commitment memory c) {
        goTo(0, 1);
        c = commitment(0, rootOf(leaf), 4);
        vm.prank(MINER);
        ledger.commit(c);
        goTo(0, 12);
    }

    function honestLeaf() internal pure returns (RolloutLeaf memory leaf) {
        leaf.miner = MINER;
        leaf.checkpointVersion = 1;
        leaf.envId = ENV;
        leaf.nTokens = 3;
        leaf.turns = 1;
    }

    /// @dev A submission of one leaf, worth what commitments say.
    function rootOf(RolloutLeaf memory leaf) internal pure returns (bytes32) {
        return SumTree.seal(1, SumTree.leaf(Commitments.LEAVES, uint256(Leaf.digest(leaf)), uint128(WORTH)), WORTH);
    }

    function entryOf(RolloutLeaf memory leaf) internal pure returns (Entry memory) {
        return Entry(uint256(Leaf.digest(leaf)), uint128(WORTH), 0, new uint256[](0));
    }

    // Sheets

    /// @dev The challenge is drawn in the block after it, and reckonings go back to the commitments made here.
    function commitAs(address miner, uint64 window, uint64 worth) internal {
        commitGroups(miner, window, 4, worth);
    }

    function commitGroups(address miner, uint64 window, uint32 groups, uint64 worth) internal {
        bytes32 root = keccak256(abi.encode(miner));
        commitThis(Commitment(window, miner, root, keccak256("blob"), groups, 1, worth));
    }

    function commitThis(Commitment memory c) internal {
        address hotkey = registry.hotkeyOf(c.miner);
        vm.prank(hotkey);
        ledger.commit(c);
        committed.push(c);
        made[c.window][c.miner] = c;
    }

    /// @dev How many seats of commitment number `index` (from zero) a validator holds.
    function seatsOf(uint64 window, uint256 index, address validator) internal view returns (uint256 found) {
        uint256 before = GENESIS + window * WINDOW - 1;
        uint256 seats = policy.valueAt("audit_seats", before + 1);
        (uint256 start, uint256 stake) = active.rangeAt(validator, before);
        bytes32 seed = Sortition.committee(ledger.challengeOf(window));
        for (uint256 seat = 0; seat < seats && stake > 0; ++seat) {
            uint256 point = Sortition.point(seed, index * seats + seat, active.totalAt(before));
            if (point >= start && point - start < stake) ++found;
        }
    }

    /// @dev A sheet that says `verdicts[i]` in every seat that the validator has on commitment i.
    function sheetOf(uint64 window, address validator, uint8[] memory verdicts)
        internal
        view
        returns (bytes memory sheet)
    {
        for (uint256 first = 0; first < verdicts.length; first += LeafTree.PAGE) {
            uint256 last = first + LeafTree.PAGE < verdicts.length ? first + LeafTree.PAGE : verdicts.length;
            bytes memory entries = new bytes(256);
            uint256 rank = 0;
            for (uint256 i = first; i < last; ++i) {
                for (uint256 n = seatsOf(window, i, validator); n > 0; --n) {
                    uint8 now_ = uint8(entries[rank / 4]);
                    entries[rank / 4] = bytes1(now_ | verdicts[i] << uint8(2 * (rank % 4)));
                    ++rank;
                }
            }
            uint256 length = (rank + 3) / 4;
            assembly ("memory-safe") {
                mstore(entries, length)
            }
            sheet = bytes.concat(sheet, bytes2(uint16(rank)), entries);
        }
    }

    function all(uint8 verdict, uint256 count) internal pure returns (uint8[] memory verdicts) {
        verdicts = new uint8[](count);
        for (uint256 i = 0; i < count; ++i) {
            verdicts[i] = verdict;
        }
    }

    /// @dev The first `count` validators commit and reveal sheets that say `verdict` of all; reveals are over then.
    function scoreBy(uint64 window, uint256 count, uint8 verdict) internal {
        goTo(window, 12);
        ledger.seal(window);
        for (uint256 i = 0; i < count; ++i) {
            bytes memory sheet = sheetOf(window, validators[i], all(verdict, committed.length));
            commitSheet(window, validators[i], sheet);
        }
        goTo(window, 21);
        for (uint256 i = 0; i < count; ++i) {
            revealSheet(window, validators[i]);
        }
        goTo(window, 31);
    }

    function commitSheet(uint64 window, address validator, bytes memory sheet) internal {
        sheets[window][validator] = sheet;
        vm.prank(validator);
        board.commitScores(window, keccak256(abi.encode(window, validator, keccak256(sheet), bytes32(0), bytes32("s"))));
    }

    function revealSheet(uint64 window, address validator) internal {
        vm.prank(validator);
        board.revealScores(window, sheets[window][validator], 0, "s");
    }

    // Reckonings

    /// @dev Everything that leaf `index` follows from.
    function evidenceOf(uint64 window, uint256 index) internal view returns (Evidence memory e) {
        uint256 before = GENESIS + window * WINDOW - 1;
        if (index < committed.length) {
            e.commitments = recordOf(window, committed[index]);
            (address[] memory who, uint256 count) = holdersOf(window, index);
            e.sheets = new bytes[](count);
            for (uint256 i = 0; i < count; ++i) {
                if (board.sheetOf(window, who[i]) != 0) e.sheets[i] = sheets[window][who[i]];
            }
            return e;
        }
        uint256 pages = LeafTree.pages(committed.length);
        (address holder,,) = active.placeAt((index - committed.length) / pages, before);
        e.sheets = new bytes[](1);
        if (holder == address(0) || board.sheetOf(window, holder) == 0) return e;
        e.sheets[0] = sheets[window][holder];
        uint256 first = (index - committed.length) % pages * LeafTree.PAGE;
        Commitment[] memory found = new Commitment[](LeafTree.PAGE);
        uint256 n = 0;
        for (uint256 i = first; i < committed.length && i < first + LeafTree.PAGE; ++i) {
            if (seatsOf(window, i, holder) > 0) found[n++] = committed[i];
        }
        assembly ("memory-safe") {
            mstore(found, n)
        }
        e.commitments = found;
    }

    /// @dev A submission, and what its miner committed in the windows that its pay depends on.
    function recordOf(uint64 window, Commitment memory c) internal view returns (Commitment[] memory shown) {
        uint64 windows = uint64(policy.valueAt("reliability_windows", ledger.startOf(window)));
        uint256 next = 1;
        shown = new Commitment[](windows + 1);
        shown[0] = c;
        for (uint64 v = window > windows ? window - windows : 0; v < window; ++v) {
            if (made[v][c.miner].groups > 0) shown[next++] = made[v][c.miner];
        }
        assembly ("memory-safe") {
            mstore(shown, next)
        }
    }

    function holdersOf(uint64 window, uint256 index) internal view returns (address[] memory who, uint256 count) {
        uint256 before = GENESIS + window * WINDOW - 1;
        uint256 seats = policy.valueAt("audit_seats", before + 1);
        bytes32 seed = Sortition.committee(ledger.challengeOf(window));
        who = new address[](seats);
        for (uint256 seat = 0; seat < seats; ++seat) {
            uint256 point = Sortition.point(seed, index * seats + seat, active.totalAt(before));
            address holder = active.holderAt(point, before);
            bool again = false;
            for (uint256 i = 0; i < count; ++i) {
                again = again || who[i] == holder;
            }
            if (!again) who[count++] = holder;
        }
    }

    /// @dev Makes the right leaves of a window, one after the other, and their tree.
    function reckon(uint64 window) internal returns (Terms memory) {
        delete leaves;
        uint256 size = judge.sizeOf(window);
        SettlementLeaf memory before;
        uint256 pages = LeafTree.pages(committed.length);
        for (uint256 i = 0; i < size; ++i) {
            if (i < committed.length || i < committed.length + 8 * pages) {
                before = judge.leafAt(window, i, before, evidenceOf(window, i));
            } else {
                // nobody here fills more than eight places: what follows is empty, as the judge says of the ninth
                (before.account, before.value) = (address(0), 0);
            }
            leaves.push(before);
        }
        return termsOf(window);
    }

    /// @dev The terms of the leaves as they are now.
    function termsOf(uint64 window) internal returns (Terms memory) {
        delete levels;
        bytes32[] memory level = new bytes32[](1 << LeafTree.depth(leaves.length));
        for (uint256 i = 0; i < leaves.length; ++i) {
            level[i] = LeafTree.digest(window, i, leaves[i]);
        }
        levels.push(level);
        while (level.length > 1) {
            bytes32[] memory next = new bytes32[](level.length / 2);
            for (uint256 i = 0; i < next.length; ++i) {
                next[i] = keccak256(abi.encode(level[2 * i], level[2 * i + 1]));
            }
            levels.push(next);
            level = next;
        }
        SettlementLeaf memory miners = leaves[committed.length - 1];
        SettlementLeaf memory last = leaves[leaves.length - 1];
        return Terms(level[0], miners.whole, miners.sum, last.sum);
    }

    function pathOf(uint256 index) internal view returns (bytes32[] memory path) {
        path = new bytes32[](levels.length - 1);
        for (uint256 i = 0; i < path.length; ++i) {
            path[i] = levels[i][index >> i ^ 1];
        }
    }

    /// @dev Sixteen nodes four levels under the node at `index` of `level`.
    function nodesOf(uint256 level, uint256 index) internal view returns (bytes32[16] memory nodes) {
        for (uint256 i = 0; i < 16; ++i) {
            nodes[i] = levels[level - 4][index * 16 + i];
        }
    }

    function noLeaf() internal pure returns (SettlementLeaf memory leaf) {}

    /// @dev The miner alone works in a window, all validators say `verdict`, and what follows is stated and final.
    function settle(uint64 window, uint8 verdict) internal returns (Terms memory terms) {
        delete committed;
        goTo(window, 1);
        commitAs(MINER, window, WORTH);
        scoreBy(window, 3, verdict);
        terms = reckon(window);
        board.propose(window, terms, uint128(pool.emissionOf(window)));
        pass(20);
        board.finalize(window, 0, terms);
    }

    function claimOf(uint64 window, uint256 index) internal {
        pool.claim(window, index, leaves[index], pathOf(index));
    }
}
