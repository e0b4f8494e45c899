// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Fault} from "../../src/FaultCourt.sol";
import {RewardPool} from "../../src/RewardPool.sol";
import {RolloutLedger} from "../../src/RolloutLedger.sol";
import {Role} from "../../src/StakeVault.sol";
import {Commitment, Commitments} from "../../src/libraries/Commitments.sol";
import {Evidence, LeafTree, SettlementLeaf, Terms} from "../../src/libraries/Settlements.sol";
import {DrandSigner} from "../base/DrandSigner.sol";
import {Network} from "../base/Network.sol";

/// @dev Gas of whole transactions (isolate = true: intrinsic gas, calldata and cold storage included) with 10 to 10,000
///      miners and 8 or 128 validators. Writes gas.json; `make gas` prints it. Of the many miners only those are really
///      there that a call reads: the ledger's count, and the number of a commitment, are set beneath it.
contract GasTest is Network {
    uint64 private constant W = 2;
    uint256 private constant SLOT_OPENED = 3;
    uint256 private constant SLOT_COMMITMENTS = 5;

    uint256[4] private sizes = [uint256(10), 100, 1_000, 10_000];
    string[] private names;
    mapping(string call => uint256[4]) private gasOf;
    string private suffix;

    function note(string memory name, uint256 column) private {
        uint256 used = vm.lastCallGas().gasTotalUsed;
        if (gasOf[name][0] == 0 && gasOf[name][1] == 0 && gasOf[name][2] == 0 && gasOf[name][3] == 0) names.push(name);
        gasOf[name][column] = used;
    }

    function noteBy(string memory name, uint256 column) private {
        note(string.concat(name, suffix), column);
    }

    function test_gas() public {
        for (uint256 v = 0; v < 2; ++v) {
            suffix = v == 0 ? ", 8 validators" : ", 128 validators";
            for (uint256 c = 0; c < 4; ++c) {
                delete validators;
                validators = [address(0x2221), address(0x2222), address(0x2223)];
                setUpNetwork();
                for (uint160 i = 3; i < (v == 0 ? 8 : 128); ++i) {
                    validators.push(address(0x3000 + i));
                    join(validators[i], Role.Validator, 10_000 ether);
                    if (i == 7) note("gov join, a validator with a place", c);
                }
                fund(address(this), 0);
                play(c, sizes[c]);
            }
        }
        write();
    }

    function play(uint256 c, uint256 size) private {
        join(address(0x1112), Role.Miner, 2_000 ether);
        steady();
        goTo(W, 1);
        pledge(address(0x1112), 5);
        note("game: pledge", c);
        commitOf(address(0x1112), c, "commit, first of the window");
        commitOf(MINER, c, "commit");
        setCount(size);
        setNumber(committed[1], size / 2 + 1);
        goTo(W, 12);
        ledger.seal(W);
        note("seal", c);
        sheetsOf(c, size);
        settle_(c, size);
        justice(c);
        stakes(c);
        randomness(c);
    }

    /// @dev As in a network that runs: an older window is paid in part, another waits to be final.
    function steady() private {
        settle(0, 1);
        delete committed;
        goTo(1, 1);
        commitAs(MINER, 1, WORTH);
        scoreBy(1, 3, 1);
        board.propose(1, reckon(1), 1_000 ether);
        delete committed;
    }

    function commitOf(address who, uint256 c, string memory name) private {
        Commitment memory entry = Commitment(W, who, keccak256("root"), keccak256("blob"), 4, 1, WORTH);
        vm.prank(who);
        ledger.commit(entry);
        note(name, c);
        committed.push(entry);
    }

    function setCount(uint256 count) private {
        bytes32 slot = keccak256(abi.encode(uint256(W), SLOT_OPENED));
        bytes32 word = vm.load(address(ledger), slot);
        vm.store(address(ledger), slot, word >> 32 << 32 | bytes32(count));
    }

    function setNumber(Commitment memory entry, uint256 number) private {
        bytes32 slot = keccak256(abi.encode(entry.miner, keccak256(abi.encode(uint256(W), SLOT_COMMITMENTS))));
        vm.store(address(ledger), slot, Commitments.digest(entry) >> 32 << 32 | bytes32(number));
    }

    /// @dev Sheets as long as the validators' share of all seats makes them; what they say is not read here.
    function sheetsOf(uint256 c, uint256 size) private {
        uint256 entries = 5 * size / validators.length;
        for (uint256 i = 0; i < validators.length; ++i) {
            bytes memory sheet = longSheet(size, entries);
            sheets[W][validators[i]] = sheet;
            vm.prank(validators[i]);
            board.commitScores(W, keccak256(abi.encode(W, validators[i], keccak256(sheet), bytes32(0), bytes32("s"))));
            note("commitScores", c);
        }
        goTo(W, 21);
        for (uint256 i = 0; i < validators.length; ++i) {
            revealSheet(W, validators[i]);
            noteBy("revealScores", c);
        }
        goTo(W, 31);
    }

    function longSheet(uint256 size, uint256 entries) private pure returns (bytes memory sheet) {
        uint256 pages = LeafTree.pages(size);
        for (uint256 p = 0; p < pages; ++p) {
            uint256 here = entries / pages + (p == 0 ? entries % pages : 0);
            bytes memory body = new bytes((here + 3) / 4);
            for (uint256 i = 0; i < body.length; ++i) {
                body[i] = 0x55;
            }
            sheet = bytes.concat(sheet, bytes2(uint16(here)), body);
        }
    }

    /// @dev Three leaves in a row, of a tree that is otherwise empty: the one before the miner's, the miner's, a neighbour's.
    struct Row {
        bytes32 root;
        uint256 first;
        SettlementLeaf[3] leaves;
        bytes32[][3] paths;
    }

    function row(uint256 size, uint256 index, SettlementLeaf memory leaf) private pure returns (Row memory r) {
        r.first = index - 1;
        r.leaves[1] = leaf;
        r.leaves[2] = SettlementLeaf(address(0x1112), WORTH, 0, 2 * WORTH, 2 * WORTH);
        uint256 depth = LeafTree.depth(LeafTree.size(size, 128));
        bytes32[3] memory nodes;
        for (uint256 i = 0; i < 3; ++i) {
            nodes[i] = LeafTree.digest(W, r.first + i, r.leaves[i]);
            r.paths[i] = new bytes32[](depth);
        }
        uint256[3] memory at_ = [r.first, r.first + 1, r.first + 2];
        bytes32 zero;
        for (uint256 level = 0; level < depth; ++level) {
            bytes32[3] memory up;
            for (uint256 i = 0; i < 3; ++i) {
                bytes32 sibling = zero;
                for (uint256 k = 0; k < 3; ++k) {
                    if (at_[k] == at_[i] ^ 1) sibling = nodes[k];
                }
                r.paths[i][level] = sibling;
                up[i] = keccak256(at_[i] % 2 == 0 ? abi.encode(nodes[i], sibling) : abi.encode(sibling, nodes[i]));
            }
            nodes = up;
            (at_[0], at_[1], at_[2]) = (at_[0] / 2, at_[1] / 2, at_[2] / 2);
            zero = keccak256(abi.encode(zero, zero));
        }
        r.root = nodes[0];
    }

    function settle_(uint256 c, uint256 size) private {
        uint256 index = size / 2;
        Evidence memory e = gasEvidence(index);
        Row memory right = row(size, index, judge.leafAt(W, index, noLeaf(), e));
        Row memory wrong = row(size, index, SettlementLeaf(MINER, 1, 0, 1, 1));
        Terms memory terms = Terms(right.root, 2 * WORTH, 2 * WORTH, 0);
        Terms memory lies = Terms(wrong.root, 2 * WORTH, 2 * WORTH, 0);
        board.propose(W, lies, 1_000 ether);
        note("propose", c);
        board.refute(W, 0, lies, index, [noLeaf(), wrong.leaves[1]], [wrong.paths[0], wrong.paths[1]], e);
        noteBy("refute a miner's leaf", c);
        uint256 honest = board.propose(W, terms, 1_000 ether);
        honest = duel_(c, honest, terms);
        page_(c, size, index);
        pass(40);
        board.finalize(W, honest, terms);
        note("finalize", c);
        pool.claim(W, index + 1, right.leaves[2], right.paths[2]);
        note("claim, first of 256", c);
        if (right.leaves[1].sum > 0) pool.claim(W, index, right.leaves[1], right.paths[1]);
        if (right.leaves[1].sum > 0) note("claim", c);
        pool.claimShare(W, RewardPool.Share.Trainer);
        note("claimShare", c);
    }

    /// @dev A duel against a tree that nobody knows; the honest side's nodes are any sixteen here.
    function duel_(uint256 c, uint256 honest, Terms memory terms) private returns (uint256) {
        bytes32[16] memory nodes;
        nodes[3] = "three";
        Terms memory other = Terms(this.join(nodes), terms.whole, terms.due, terms.earned);
        uint256 liar = board.propose(W, other, 1_000 ether);
        uint256 duel = board.openDuel(W, honest, terms, liar, other);
        note("refute: openDuel", c);
        board.name(duel, 1, nodes);
        note("refute: name", c);
        pass(6);
        board.timeout(duel);
        note("refute: timeout", c);
        // the other side fell by its silence, which here was the truth's: it is stated again, and the liar dealt with
        uint256 again = board.propose(W, terms, 1_000 ether);
        duel = board.openDuel(W, again, terms, liar, other);
        pass(6);
        board.timeout(duel);
        return board.propose(W, terms, 1_000 ether);
    }

    function join(bytes32[16] calldata nodes) external pure returns (bytes32) {
        return LeafTree.join(nodes);
    }

    /// @dev The dearest step: a page of sixty-four submissions, all of whose commitments one validator has seats in.
    function page_(uint256 c, uint256 size, uint256 index) private {
        (Evidence memory e, uint256 leaf) = pageEvidence(size, index);
        uint256 before = gasleft();
        judge.leafAt(W, leaf, noLeaf(), e);
        before -= gasleft();
        string memory name = string.concat("refute a validator's page, the judge alone", suffix);
        if (gasOf[name][0] == 0) names.push(name);
        gasOf[name][c] = before;
    }

    function gasEvidence(uint256 index) private view returns (Evidence memory e) {
        e.commitments = recordOf(W, committed[1]);
        (address[] memory who, uint256 count) = holdersOf(W, index);
        e.sheets = new bytes[](count);
        for (uint256 i = 0; i < count; ++i) {
            e.sheets[i] = sheets[W][who[i]];
        }
    }

    /// @dev Everybody in the page commits under the ledger's floor, numbered as the page has it.
    function pageEvidence(uint256 size, uint256 index) private returns (Evidence memory e, uint256 leaf) {
        uint256 page = index / LeafTree.PAGE;
        e.sheets = new bytes[](1);
        e.sheets[0] = sheets[W][validators[0]];
        Commitment[] memory found = new Commitment[](LeafTree.PAGE);
        uint256 n = 0;
        for (uint256 i = page * LeafTree.PAGE; i < (page + 1) * LeafTree.PAGE && i < size; ++i) {
            if (seatsOf(W, i, validators[0]) == 0) continue;
            address who = i == index ? MINER : address(uint160(0x900000 + i));
            Commitment memory entry = Commitment(W, who, keccak256("root"), keccak256("blob"), 4, 1, WORTH);
            setNumber(entry, i + 1);
            found[n++] = entry;
        }
        assembly ("memory-safe") {
            mstore(found, n)
        }
        e.commitments = found;
        leaf = size + page;
    }

    function randomness(uint256 c) private {
        uint64 window = ledger.currentWindow() + 1;
        set("beacon_drand", 1);
        goTo(window, 1);
        ledger.open(window);
        note("open, calls a drand round", c);
        (, uint64 round) = ledger.drawOf(window, RolloutLedger.Moment.Open);
        bytes memory signature = DrandSigner.sign(round);
        ledger.openWith(window, signature);
        note("openWith, brings it", c);
    }

    function justice(uint256 c) private {
        setNumber(committed[1], 1);
        vm.prank(validators[0]);
        uint256 id = jury.accuse(committed[1], Fault.Replay, 0);
        note("court accuse", c);
        pass(2);
        jury.draw(id);
        note("court draw", c);
        uint256 juror = 1;
        while (jury.seatsOf(id, validators[juror]) == 0) ++juror;
        bytes32 ballot = keccak256(abi.encode(id, uint256(1), validators[juror], uint8(1), bytes32(0)));
        vm.prank(validators[juror]);
        jury.commitVote(id, ballot);
        note("court commitVote", c);
        // nobody has as many entries as these sheets where there are more validators than seats
        uint256 auditor = 1;
        while (auditor < validators.length && !accepts(auditor)) ++auditor;
        if (auditor == validators.length) return;
        vm.prank(validators[0]);
        jury.accuseAudit(committed[1], Fault.Audit, validators[auditor], sheets[W][validators[auditor]]);
        noteBy("court accuseAudit", c);
    }

    function accepts(uint256 auditor) private view returns (bool) {
        return judge.saysOf(committed[1], validators[auditor], sheets[W][validators[auditor]]) & 1 == 1;
    }

    function stakes(uint256 c) private {
        fund(address(0xA11), 3_000 ether);
        vm.startPrank(address(0xA11));
        vault.stake(MINER, 100 ether);
        note("stake on a miner", c);
        vault.stake(validators[0], 100 ether);
        note("stake on a validator", c);
        vault.requestUnstake(MINER, 50 ether);
        note("stake back: requestUnstake", c);
        pass(400);
        vault.withdraw();
        note("stake back: withdraw", c);
        vm.stopPrank();
        if (validators.length < 128) return;
        address late = address(0x4444);
        join(late, Role.Validator, 20_000 ether);
        active.sit(late);
        note("stake: sit, displaces the smallest of 128", c);
    }

    function write() private {
        string memory text = "{\n";
        for (uint256 i = 0; i < names.length; ++i) {
            text = string.concat(text, '  "', names[i], '": {');
            for (uint256 c = 0; c < 4; ++c) {
                text = string.concat(text, '"', vm.toString(sizes[c]), '": ', vm.toString(gasOf[names[i]][c]));
                if (c < 3) text = string.concat(text, ", ");
            }
            text = string.concat(text, i + 1 < names.length ? "},\n" : "}\n");
        }
        vm.writeFile("gas.json", string.concat(text, "}\n"));
    }
}
