// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Fault} from "../../src/FaultCourt.sol";
import {Role} from "../../src/StakeVault.sol";
import {Commitment} from "../../src/libraries/Commitments.sol";
import {Payouts} from "../../src/libraries/Payouts.sol";
import {Column, Reveal, Terms} from "../../src/libraries/Settlements.sol";
import {Entry, Lookup} from "../../src/libraries/SumTree.sol";
import {RolloutLedger} from "../../src/RolloutLedger.sol";
import {DrandSigner} from "../base/DrandSigner.sol";
import {Network} from "../base/Network.sol";
import {Trees} from "../base/Trees.sol";

/// @dev Gas of whole transactions (isolate = true: intrinsic gas, calldata and cold storage included) with trees of
///      10 to 10,000 miners and 16 validators. Writes gas.json; `make gas` prints it.
contract GasTest is Network {
    using Trees for Trees.Tree;

    uint256 private constant VALIDATORS = 16;
    uint256[4] private sizes = [uint256(10), 100, 1_000, 10_000];
    string[] private names;
    mapping(string call => uint256[4]) private gasOf;

    function note(string memory name, uint256 column) private {
        uint256 used = vm.lastCallGas().gasTotalUsed;
        if (gasOf[name][0] == 0 && gasOf[name][1] == 0 && gasOf[name][2] == 0 && gasOf[name][3] == 0) names.push(name);
        gasOf[name][column] = used;
    }

    /// @dev A tree of `size` miners, built in a call of its own so that its memory is given back. Miner number
    ///      size / 2 is ours.
    function build(bytes32 context, uint256 size, uint256 share)
        external
        pure
        returns (bytes32, uint128, Entry memory)
    {
        Trees.Tree memory tree = Trees.make(context, size);
        for (uint256 i = 0; i < size; ++i) {
            address miner = i == size / 2 ? MINER : address(uint160(i < size / 2 ? 1 + i : 0x10000 + i));
            tree.keys[i] = share == 0 ? uint160(miner) : Payouts.key(uint8(share), miner);
            tree.values[i] = share == 0 ? uint128(100) : uint128(600 ether / size);
        }
        return (tree.root(), tree.sum(), tree.entry(size / 2));
    }

    function one(Entry memory entry, uint256 size) private pure returns (Lookup memory lookup) {
        lookup = Lookup(uint32(size), new Entry[](1));
        lookup.entries[0] = entry;
    }

    function join_(uint256 count) private {
        for (uint160 i = 3; i < count; ++i) {
            validators.push(address(0x3000 + i));
            join(validators[i], Role.Validator, 10_000 ether);
        }
    }

    function test_gas() public {
        for (uint256 c = 0; c < 4; ++c) {
            delete validators;
            validators = [address(0x2221), address(0x2222), address(0x2223)];
            setUpNetwork();
            join_(VALIDATORS);
            fund(address(this), 0);
            join(address(0x1112), Role.Miner, 2_000 ether);
            play(c, sizes[c]);
        }
        write();
    }

    function play(uint256 c, uint256 size) private {
        goTo(0, 1);
        commitAs(address(0x1112), c, "commit, first of the window");
        commitAs(MINER, c, "commit");
        goTo(0, 12);
        ledger.seal(0);
        note("seal", c);
        score(c, size);
        Column memory column = settleAndRefute(c, size);
        column.miner = MINER;
        justice(c);
        stakes(c);
        randomness(c);
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

    function commitAs(address who, uint256 c, string memory name) private {
        Commitment memory entry = commitment(0, keccak256("root"), 4);
        entry.miner = who;
        vm.prank(who);
        ledger.commit(entry);
        note(name, c);
    }

    function score(uint256 c, uint256 size) private {
        for (uint256 i = 0; i < VALIDATORS; ++i) {
            (bytes32 root, uint128 sum,) = this.build(Payouts.scoreContext(0, validators[i]), size, 0);
            bytes32 hash = keccak256(abi.encode(uint64(0), validators[i], root, sum, bytes32(0), bytes32(0)));
            vm.prank(validators[i]);
            board.commitScores(0, hash);
            note("commitScores", c);
            reveals.push(Reveal(validators[i], root, sum, 10_000 ether));
        }
        goTo(0, 21);
        for (uint256 i = 0; i < VALIDATORS; ++i) {
            vm.prank(validators[i]);
            board.revealScores(0, reveals[i].root, reveals[i].sum, 0, 0);
            note(i == 0 ? "revealScores, first of the window" : "revealScores", c);
        }
        goTo(0, 31);
    }

    function settleAndRefute(uint256 c, uint256 size) private returns (Column memory column) {
        Terms memory terms;
        Entry memory settled;
        Entry memory payout;
        (terms.scoreRoot, terms.scoreSum, settled) = this.build(Payouts.scoreContext(0, address(0)), size, 0);
        (terms.payoutRoot, terms.payoutSum, payout) = this.build(Payouts.context(0), size, Payouts.MINER);
        (terms.payoutSize, terms.counted) = (uint32(size), (1 << VALIDATORS) - 1);
        Terms memory lie = terms;
        column = Column(MINER, one(settled, size), one(payout, size), new Lookup[](VALIDATORS));
        for (uint256 i = 0; i < VALIDATORS; ++i) {
            (,, Entry memory entry) = this.build(Payouts.scoreContext(0, validators[i]), size, 0);
            column.sheets[i] = one(entry, size);
        }
        lie.payoutRoot = keccak256("another tree");
        (lie.payoutRoot, lie.payoutSum, column.payout.entries[0]) = this.lieTree(size);
        board.propose(0, lie, reveals);
        note("propose, 16 validators", c);
        board.refute(0, lie, reveals, column);
        note("refute a payout, 16 validators", c);
        (terms.payoutRoot, terms.payoutSum, payout) = this.build(Payouts.context(0), size, Payouts.MINER);
        board.propose(0, terms, reveals);
        pass(20);
        board.finalize(0, terms);
        note("finalize", c);
        (,, Entry memory other) = this.neighbour(size);
        pool.claim(0, other);
        note("claim, first of 256", c);
        pool.claim(0, payout);
        note("claim", c);
    }

    function lieTree(uint256 size) external view returns (bytes32, uint128, Entry memory) {
        Trees.Tree memory tree = Trees.make(Payouts.context(0), size);
        for (uint256 i = 0; i < size; ++i) {
            address miner = i == size / 2 ? MINER : address(uint160(i < size / 2 ? 1 + i : 0x10000 + i));
            tree.keys[i] = Payouts.key(Payouts.MINER, miner);
            tree.values[i] = uint128(500 ether / size);
        }
        return (tree.root(), tree.sum(), tree.entry(size / 2));
    }

    /// @dev The other real miner would not sort beside ours: any leaf of the same bitmap word will do, a validator's.
    function neighbour(uint256 size) external view returns (bytes32, uint128, Entry memory) {
        Trees.Tree memory tree = Trees.make(Payouts.context(0), size);
        for (uint256 i = 0; i < size; ++i) {
            address miner = i == size / 2 ? MINER : address(uint160(i < size / 2 ? 1 + i : 0x10000 + i));
            tree.keys[i] = Payouts.key(Payouts.MINER, miner);
            tree.values[i] = uint128(600 ether / size);
        }
        return (tree.root(), tree.sum(), tree.entry(size / 2 - 1));
    }

    function justice(uint256 c) private {
        Commitment memory entry = commitment(0, keccak256("root"), 4);
        vm.prank(validators[0]);
        uint256 id = jury.accuse(entry, Fault.Replay, 0);
        note("accuse", c);
        pass(2);
        jury.draw(id);
        note("draw", c);
        uint256 juror = 1;
        while (jury.seatsOf(id, validators[juror]) == 0) ++juror;
        bytes32 ballot = keccak256(abi.encode(id, uint256(1), validators[juror], uint8(1), bytes32(0)));
        vm.prank(validators[juror]);
        jury.commitVote(id, ballot);
        note("commitVote", c);
    }

    function stakes(uint256 c) private {
        fund(address(0xA11), 1_000 ether);
        vm.startPrank(address(0xA11));
        vault.stake(MINER, 100 ether);
        note("stake", c);
        vault.requestUnstake(MINER, 50 ether);
        note("requestUnstake", c);
        pass(400);
        vault.withdraw();
        note("withdraw", c);
        vm.stopPrank();
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
