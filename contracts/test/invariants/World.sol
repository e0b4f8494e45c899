// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Fault} from "../../src/FaultCourt.sol";
import {Jury} from "../../src/Jury.sol";
import {RolloutLedger} from "../../src/RolloutLedger.sol";
import {ScoreBoard} from "../../src/ScoreBoard.sol";
import {Role, StakeVault} from "../../src/StakeVault.sol";
import {Commitment} from "../../src/libraries/Commitments.sol";
import {Leaf, RolloutLeaf} from "../../src/libraries/Leaf.sol";
import {Payouts} from "../../src/libraries/Payouts.sol";
import {Column, Reveal, Terms} from "../../src/libraries/Settlements.sol";
import {Lookup} from "../../src/libraries/SumTree.sol";
import {DrandSigner} from "../base/DrandSigner.sol";
import {Network} from "../base/Network.sol";
import {Trees} from "../base/Trees.sol";

/// @dev A network and everything that anybody may do to it, with random but valid arguments: no call may revert
///      (fail_on_revert), so every refusal that is not foreseen here is a finding. Ghosts record what must hold.
contract World is Network {
    using Trees for Trees.Tree;

    struct Played {
        uint64 window;
        uint128 score;
        uint128 paid;
        bool committed;
        Terms terms;
        Reveal[] reveals;
    }

    address internal constant ANN = address(0xA11);
    address internal constant BOB = address(0xB0B);

    uint256 internal now_;
    address[] internal actors;
    Played[] internal played;
    uint256[] internal openCases;
    uint256 internal minted;
    /// @dev Ghosts.
    mapping(bytes32 => uint256) internal timesPaid;
    mapping(bytes32 => uint256) internal timesSlashed;
    uint256 internal paidTwice;
    uint256 internal slashedTwice;
    uint256 internal slashedTooMuch;
    uint256 internal intruders;
    uint256 internal leftWhilePaused;
    uint256 internal cheapGrief;
    uint256 internal leftEarly;

    constructor() {
        setUpNetwork();
        fund(ANN, 50_000 ether);
        fund(BOB, 50_000 ether);
        fund(address(this), 0);
        actors = [MINER, ANN, BOB, validators[0], validators[1], validators[2], TRAINER];
        now_ = block.number;
        minted = token.totalSupply() + token.totalBurnt();
        token.delegate(address(this));
        for (uint256 i = 0; i < actors.length; ++i) {
            vm.prank(actors[i]);
            token.delegate(actors[i]);
        }
        actors.push(address(this));
        vm.roll(++now_);
    }

    modifier act() {
        vm.roll(now_);
        uint256 held = heldByContracts();
        bool paused = pauseSwitch.paused();
        _;
        if (paused && pauseSwitch.paused() && heldByContracts() < held) ++leftWhilePaused;
        now_ = block.number;
    }

    /// @dev What contracts hold that must not move out while paused. Withdrawals that are due may.
    function heldByContracts() internal view returns (uint256) {
        return token.balanceOf(address(pool)) + token.balanceOf(address(board)) + token.balanceOf(address(court))
            + token.balanceOf(address(jury));
    }

    function pick(uint256 seed) internal view returns (address) {
        return actors[seed % actors.length];
    }

    function pass_(uint256 blocks) external {
        now_ += 1 + blocks % 20;
    }

    // Stake

    function stake(uint256 who, uint256 where, uint128 amount) external act {
        (address staker, address neuron) = (pick(who), where % 3 == 0 ? MINER : validators[where % 3]);
        uint256 held = token.balanceOf(staker);
        bool wiped = vault.stakeOf(neuron) < 1 ether;
        if (held < 2 ether || wiped) return;
        vm.prank(staker);
        vault.stake(neuron, uint128(1 + amount % (held / 2)));
    }

    function unstake(uint256 who, uint256 where, uint128 amount) external act {
        (address staker, address neuron) = (pick(who), where % 3 == 0 ? MINER : validators[where % 3]);
        uint256 held = vault.positionOf(neuron, staker);
        (, uint256[] memory queue) = vault.exitsOf(staker);
        uint256 keep = staker == neuron ? 1_500 ether : 0;
        if (held <= keep + 1 || queue.length == vault.MAX_EXITS()) return;
        vm.prank(staker);
        vault.requestUnstake(neuron, uint128(1 + amount % (held - keep)));
        (StakeVault.Exit[] memory all,) = vault.exitsOf(staker);
        bool ripe = false;
        for (uint256 i = 0; i + 1 < all.length; ++i) {
            ripe = ripe || all[i].readyAt <= pauseSwitch.clock();
        }
        if (all[all.length - 1].readyAt < pauseSwitch.clock() + policy.get("unbonding_blocks")) ++leftEarly;
        if (ripe) return;
        vm.prank(staker);
        try vault.withdraw() {
            ++leftEarly;
        } catch {}
    }

    function withdraw(uint256 who) external act {
        pass(401);
        (, uint256[] memory queue) = vault.exitsOf(pick(who));
        if (queue.length == 0 || pauseSwitch.paused()) return;
        pass(51);
        uint256 held = token.balanceOf(address(vault));
        vm.prank(pick(who));
        uint256 amount = vault.withdraw();
        assertEq(held - token.balanceOf(address(vault)), amount, "what is said is paid");
    }

    function collect(uint256 who, uint256 where) external act {
        (address staker, address neuron) = (pick(who), where % 3 == 0 ? MINER : validators[where % 3]);
        if (vault.collectable(neuron, staker) == 0 || pauseSwitch.paused()) return;
        vm.prank(staker);
        vault.collect(neuron);
    }

    function commission(uint16 bps) external act {
        vm.prank(MINER);
        vault.announceCommission(bps % 10_001);
    }

    function moveTokens(uint256 from, uint256 to, uint128 amount) external act {
        uint256 held = token.balanceOf(pick(from));
        if (held == 0) return;
        vm.startPrank(pick(from));
        token.transfer(pick(to), amount % held);
        token.delegate(pick(to));
        vm.stopPrank();
    }

    function sendByMistake(uint256 where, uint64 amount) external act {
        address[5] memory places = [address(vault), address(pool), address(board), address(court), address(jury)];
        address place = places[where % 5];
        token.transfer(place, amount);
        if (recover(place, uint256(amount) + 1)) ++intruders;
        require(recover(place, amount), "what was sent by mistake comes back");
    }

    function recover(address place, uint256 amount) private returns (bool ok) {
        vm.prank(address(timelock));
        (ok,) = place.call(abi.encodeWithSignature("recover(address,address,uint256)", token, ANN, amount));
    }

    function rotateHotkey() external act {
        address next = registry.hotkeyOf(MINER) == MINER ? address(0x4071) : MINER;
        pass(1);
        vm.prank(MINER);
        registry.proposeHotkey(next);
        vm.prank(next);
        registry.acceptHotkey(MINER);
    }

    function release() external act {
        if (!registry.neuronOf(MINER).jailed) return;
        vm.prank(address(timelock));
        registry.release(MINER);
    }

    // Windows

    function playWindow(uint128 score, uint256 count) external act {
        uint64 window = block.number < GENESIS ? 0 : ledger.currentWindow() + 1;
        goTo(window, 1);
        open(window);
        bool can = ledger.groupsAllowed(window, MINER) > 0;
        if (can) {
            address hotkey = registry.hotkeyOf(MINER);
            vm.prank(hotkey);
            ledger.commit(commitment(window, leafRoot(window), 1));
        }
        goTo(window, 12);
        seal(window);
        uint128[] memory scores = new uint128[](1 + count % 3);
        for (uint256 i = 0; i < scores.length; ++i) {
            scores[i] = i == 2 ? score % 1_000 : 100;
            if (!registry.isActive(validators[i], Role.Validator)) return;
            if (active.stakeAt(validators[i], GENESIS + window * WINDOW - 1) == 0) return;
        }
        scoreEach(window, scores);
        played.push();
        Played storage p = played[played.length - 1];
        (p.window, p.score, p.committed) = (window, 100, can);
        p.reveals = reveals;
    }

    /// @dev From the block alone, or with a drand round, whatever the vote was when the window began.
    function open(uint64 window) internal {
        if (ledger.open(window) != 0) return;
        (, uint64 round) = ledger.drawOf(window, RolloutLedger.Moment.Open);
        ledger.openWith(window, DrandSigner.sign(round));
    }

    function seal(uint64 window) internal {
        if (ledger.seal(window) != 0) return;
        (, uint64 round) = ledger.drawOf(window, RolloutLedger.Moment.Seal);
        ledger.sealWith(window, DrandSigner.sign(round));
    }

    function voteDrand(bool on) external act {
        set("beacon_drand", on ? 1 : 0);
    }

    function leafRoot(uint64 window) internal pure returns (bytes32) {
        return Leaf.digest(guiltyLeaf(window));
    }

    /// @dev Every submission holds one leaf, of an environment that was not mandated.
    function guiltyLeaf(uint64 window) internal pure returns (RolloutLeaf memory leaf) {
        leaf = honestLeaf();
        (leaf.window, leaf.envId) = (window, keccak256("easier/1"));
    }

    function last() internal view returns (Played storage) {
        return played[played.length - 1];
    }

    function quorate(Played storage p) internal view returns (bool) {
        uint256 stake_ = 0;
        for (uint256 i = 0; i < p.reveals.length; ++i) {
            stake_ += p.reveals[i].stake;
        }
        uint256 all = active.totalAt(GENESIS + p.window * WINDOW - 1);
        return stake_ * 2 >= all;
    }

    function propose(bool lie) external act {
        if (played.length == 0) return;
        Played storage p = last();
        bool open = board.proposalOf(p.window).state == ScoreBoard.State.None;
        if (!open || !quorate(p) || token.balanceOf(address(this)) < 500 ether) return;
        uint128 due = uint128(pool.emissionOf(p.window) * 6_000 / 10_000);
        p.paid = lie ? due - 1 : due;
        reveals = p.reveals;
        p.terms = termsFor(p.window, p.score, p.paid);
        board.propose(p.window, p.terms, p.reveals);
    }

    function refuteOrObject(uint256 who, bool object) external act {
        if (played.length == 0 || pauseSwitch.paused()) return;
        Played storage p = last();
        ScoreBoard.Proposal memory now__ = board.proposalOf(p.window);
        if (now__.state != ScoreBoard.State.Proposed) return;
        if (object) {
            if (token.balanceOf(pick(who)) < 500 ether || pauseSwitch.clock() >= now__.deadline) return;
            vm.prank(pick(who));
            board.object(p.window);
        } else if (p.paid != uint128(uint256(now__.emission) * 6_000 / 10_000)) {
            vm.prank(pick(who));
            board.refute(p.window, p.terms, p.reveals, columnOf(p));
        }
    }

    function columnOf(Played storage p) internal view returns (Column memory c) {
        c.miner = MINER;
        c.settled = single(Payouts.scoreContext(p.window, address(0)), uint160(MINER), p.score).lookup(uint160(MINER));
        c.payout = payoutTree(p.window, p.paid).lookup(Payouts.key(Payouts.MINER, MINER));
        c.sheets = new Lookup[](p.reveals.length);
        for (uint256 i = 0; i < p.reveals.length; ++i) {
            c.sheets[i] = sheet(p.window, p.reveals[i].validator, p.reveals[i].sum).lookup(uint160(MINER));
        }
    }

    function voteOnSettlement(bool lie) external act {
        if (played.length == 0 || pauseSwitch.paused()) return;
        Played storage p = last();
        reveals = p.reveals;
        for (uint256 i = 0; i < p.reveals.length; ++i) {
            ScoreBoard.Proposal memory now__ = board.proposalOf(p.window);
            if (now__.state != ScoreBoard.State.Disputed || pauseSwitch.clock() >= now__.deadline) return;
            uint128 due = uint128(uint256(now__.emission) * 6_000 / 10_000);
            Terms memory terms = termsFor(p.window, p.score, lie ? due - 2 : due);
            vm.prank(p.reveals[i].validator);
            try board.voteSettlement(p.window, terms, p.reveals, i) {
                if (board.proposalOf(p.window).state == ScoreBoard.State.Decided) {
                    (p.terms, p.paid) = (terms, lie ? due - 2 : due);
                }
            } catch {}
        }
    }

    function finish() external act {
        if (played.length == 0 || pauseSwitch.paused()) return;
        Played storage p = last();
        ScoreBoard.Proposal memory now__ = board.proposalOf(p.window);
        if (now__.state == ScoreBoard.State.None || now__.state == ScoreBoard.State.Final) return;
        pass(21);
        if (pauseSwitch.clock() < now__.deadline) return;
        if (now__.state == ScoreBoard.State.Disputed) {
            board.lapse(p.window);
            return;
        }
        board.finalize(p.window, p.terms);
        minted += p.paid + uint256(now__.emission) * policy.valueAt("split_burn_bps", ledger.startOf(p.window)) / 10_000;
    }

    function claim(uint256 which) external act {
        if (played.length == 0) return;
        Played storage p = played[which % played.length];
        if (!pool.isSettled(p.window)) return;
        bytes32 id = keccak256(abi.encode(p.window));
        try pool.claim(p.window, payoutTree(p.window, p.paid).entry(0)) {
            if (++timesPaid[id] > 1) ++paidTwice;
        } catch {}
    }

    function expire(uint256 which) external act {
        if (played.length == 0) return;
        Played storage p = played[which % played.length];
        if (!pool.isSettled(p.window)) return;
        try pool.expire(p.window, payoutTree(p.window, p.paid).entry(0)) {
            if (++timesPaid[keccak256(abi.encode(p.window))] > 1) ++paidTwice;
        } catch {}
    }

    // Justice

    function prove(uint256 who, uint256 which) external act {
        if (played.length == 0) return;
        Played storage p = played[which % played.length];
        if (!p.committed) return;
        uint256 before = vault.slashableStake(MINER);
        vm.prank(pick(who));
        try court.proveDerivationFault(commitment(p.window, leafRoot(p.window), 1), guiltyLeaf(p.window), noProof()) {
            noteSlash(p.window, before);
        } catch {}
    }

    function noteSlash(uint64 window, uint256 before) internal {
        if (++timesSlashed[keccak256(abi.encode(window, MINER))] > 1) ++slashedTwice;
        if (before - vault.slashableStake(MINER) > before / 2) ++slashedTooMuch;
    }

    function accuse(uint256 juror) external act {
        if (played.length == 0) return;
        Played storage p = last();
        address accuser = validators[juror % 3];
        bool can = p.committed && registry.isActive(accuser, Role.Validator) && token.balanceOf(accuser) >= 50 ether;
        bool again = jury.accusedBy(p.window, MINER, accuser) || court.convicted(p.window, MINER);
        if (!can || again || pauseSwitch.clock() > horizonOf(p.window)) return;
        vm.prank(accuser);
        openCases.push(jury.accuse(commitment(p.window, leafRoot(p.window), 1), Fault.Replay, 0));
        pass(2);
    }

    function horizonOf(uint64 window) internal view returns (uint256) {
        uint256 end = ledger.startOf(window + 1);
        return end > block.number ? type(uint256).max : pauseSwitch.clockAt(end) + 120;
    }

    /// @dev One step of the oldest open case: votes, reveals, ruling, appeal, end.
    function judge(bool guilty, bool appeal, uint256 who) external act {
        if (openCases.length == 0 || pauseSwitch.paused()) return;
        uint256 id = openCases[openCases.length - 1];
        Jury.Case memory k = jury.caseOf(id);
        if (k.state == Jury.State.Voting || k.state == Jury.State.Appealed) {
            ballot(id, k, guilty ? Jury.Verdict.Guilty : Jury.Verdict.Innocent);
        } else if (k.state == Jury.State.Ruled) {
            address appellant = pick(who);
            bool can = appeal && pauseSwitch.clock() <= k.commitEnd && token.balanceOf(appellant) >= 200 ether;
            if (can) {
                vm.prank(appellant);
                jury.appeal(id);
            } else if (pauseSwitch.clock() > k.commitEnd) {
                close(id, k);
            } else {
                pass(21);
            }
        }
    }

    function ballot(uint256 id, Jury.Case memory k, Jury.Verdict verdict) internal {
        uint256 round = k.state == Jury.State.Appealed ? 2 : 1;
        if (pauseSwitch.clock() > k.revealEnd) {
            if (round == 1) jury.rule(id);
            else close(id, k);
            if (round == 1 && jury.caseOf(id).state == Jury.State.Closed) openCases.pop();
            return;
        }
        if (pauseSwitch.clock() > k.commitEnd) {
            pass(10);
            return;
        }
        for (uint256 i = 0; i < 3; ++i) {
            address v = validators[i];
            if (v == k.accuser || !registry.isActive(v, Role.Validator)) continue;
            jury.draw(id);
            if (jury.weightOf(id, v) == 0) continue;
            vm.prank(v);
            try jury.commitVote(id, keccak256(abi.encode(id, round, v, verdict, bytes32(0)))) {} catch {}
        }
        vm.roll(block.number + k.commitEnd - pauseSwitch.clock() + 1);
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(validators[i]);
            try jury.revealVote(id, verdict, 0) {} catch {}
        }
    }

    function close(uint256 id, Jury.Case memory k) internal {
        (uint256 stakeBefore, bool wasConvicted) = (vault.slashableStake(MINER), court.convicted(k.window, MINER));
        uint256 accuserBefore = token.balanceOf(k.accuser);
        jury.execute(id);
        openCases.pop();
        bool guilty = jury.caseOf(id).ruling == Jury.Verdict.Guilty;
        if (guilty && !wasConvicted) noteSlash(k.window, stakeBefore);
        bool innocent = jury.caseOf(id).ruling == Jury.Verdict.Innocent;
        bool appealedByOther = k.appellant != address(0);
        if (innocent && !appealedByOther && token.balanceOf(k.accuser) > accuserBefore) ++cheapGrief;
    }

    function fine(uint256 id, uint256 juror) external act {
        if (jury.caseCount() == 0) return;
        uint256 before = vault.slashableStake(validators[juror % 3]);
        try jury.fine(id % jury.caseCount(), validators[juror % 3]) {
            if (before - vault.slashableStake(validators[juror % 3]) > 5 ether) ++slashedTooMuch;
        } catch {}
    }

    // Power

    function pause() external act {
        if (block.number < pauseSwitch.readyAgain()) return;
        vm.prank(GUARDIAN);
        pauseSwitch.pause();
    }

    function resume() external act {
        if (!pauseSwitch.paused()) return;
        vm.prank(GUARDIAN);
        pauseSwitch.resume();
    }

    /// @dev Anybody but the timelock tries to change what is governed.
    function intrude(uint256 who, uint208 value) external act {
        vm.startPrank(pick(who));
        try policy.set("audit_rollouts", 4 + value % 4_000) {
            ++intruders;
        } catch {}
        try registry.release(MINER) {
            ++intruders;
        } catch {}
        try pauseSwitch.setGuardian(pick(who)) {
            ++intruders;
        } catch {}
        try token.mint(pick(who), 1) {
            ++intruders;
        } catch {}
        vm.stopPrank();
    }
}
