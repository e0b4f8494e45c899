// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Fault} from "../../src/FaultCourt.sol";
import {Jury} from "../../src/Jury.sol";
import {RolloutLedger} from "../../src/RolloutLedger.sol";
import {RewardPool} from "../../src/RewardPool.sol";
import {ScoreBoard} from "../../src/ScoreBoard.sol";
import {Role, StakeVault} from "../../src/StakeVault.sol";
import {Commitment} from "../../src/libraries/Commitments.sol";
import {RolloutLeaf} from "../../src/libraries/Leaf.sol";
import {Evidence, SettlementLeaf, Terms} from "../../src/libraries/Settlements.sol";
import {DrandSigner} from "../base/DrandSigner.sol";
import {Network} from "../base/Network.sol";

/// @dev A network and everything that anybody may do to it, with random but valid arguments: no call may revert
///      (fail_on_revert), so every refusal that is not foreseen here is a finding. Ghosts record what must hold.
contract World is Network {
    struct Played {
        uint64 window;
        bool committed;
        /// @dev number of the statement that is right, and of one that is not, each plus one; zero for none
        uint256 honest;
        uint256 liar;
        Terms terms;
        Terms lie;
    }

    /// @dev What each settled window pays: its leaves and their paths, for later claims.
    struct Due {
        uint256[] index;
        SettlementLeaf[] leaves;
        bytes32[][] paths;
    }

    address internal constant ANN = address(0xA11);
    address internal constant BOB = address(0xB0B);

    uint256 internal now_;
    address[] internal actors;
    Played[] internal played;
    mapping(uint64 window => Due) internal due;
    uint64[] internal settled;
    uint256 internal liarGained;
    uint256 internal bystandersLost;
    uint256 internal selfAccuserGained;
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

    /// @dev There was nothing to do: the call is discarded, and counted as such. `make invariants` prints how many were
    ///      not, for each action.
    function idle() internal pure {
        vm.assume(false);
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
        if (held < 2 ether || wiped) return idle();
        vm.prank(staker);
        vault.stake(neuron, uint128(1 + amount % (held / 2)));
    }

    function unstake(uint256 who, uint256 where, uint128 amount) external act {
        (address staker, address neuron) = (pick(who), where % 3 == 0 ? MINER : validators[where % 3]);
        uint256 held = vault.positionOf(neuron, staker);
        (, uint256[] memory queue) = vault.exitsOf(staker);
        uint256 keep = staker == neuron && amount % 16 != 0 ? 1_500 ether : 0;
        if (held <= keep + 1 || queue.length == vault.MAX_EXITS()) return idle();
        vm.prank(staker);
        vault.requestUnstake(neuron, uint128(staker == neuron && keep == 0 ? held : 1 + amount % (held - keep)));
        (StakeVault.Exit[] memory all,) = vault.exitsOf(staker);
        bool ripe = false;
        for (uint256 i = 0; i + 1 < all.length; ++i) {
            ripe = ripe || all[i].readyAt <= pauseSwitch.clock();
        }
        if (all[all.length - 1].readyAt < pauseSwitch.clock() + policy.get("unbonding_blocks")) ++leftEarly;
        if (ripe) return idle();
        vm.prank(staker);
        try vault.withdraw() {
            ++leftEarly;
        } catch {}
    }

    function withdraw(uint256 who) external act {
        pass(401);
        (, uint256[] memory queue) = vault.exitsOf(pick(who));
        if (queue.length == 0 || pauseSwitch.paused()) return idle();
        pass(51);
        uint256 held = token.balanceOf(address(vault));
        vm.prank(pick(who));
        uint256 amount = vault.withdraw();
        assertEq(held - token.balanceOf(address(vault)), amount, "what is said is paid");
    }

    function collect(uint256 who, uint256 where) external act {
        (address staker, address neuron) = (pick(who), where % 3 == 0 ? MINER : validators[where % 3]);
        if (vault.collectable(neuron, staker) == 0 || pauseSwitch.paused()) return idle();
        vm.prank(staker);
        vault.collect(neuron);
    }

    function commission(uint16 bps) external act {
        vm.prank(MINER);
        vault.announceCommission(bps % 10_001);
    }

    function moveTokens(uint256 from, uint256 to, uint128 amount) external act {
        uint256 held = token.balanceOf(pick(from));
        if (held == 0) return idle();
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

    /// @dev A validator takes the next step of a rest: says so, leaves, comes back.
    function rest(uint256 who) external act {
        address validator = validators[who % 3];
        (uint64 window, bool announced, bool taken) = active.restOf(validator);
        if (vault.standingStake(validator) == 0) return idle();
        if (taken) {
            vm.prank(validator);
            active.endRest();
            active.sit(validator);
        } else if (announced && active.isSeated(validator) && block.number < ledger.startOf(window + 1)) {
            if (block.number < ledger.startOf(window)) vm.roll(ledger.startOf(window));
            active.rest(validator);
        } else {
            vm.prank(validator);
            active.announceRest();
        }
    }

    function release() external act {
        if (!registry.neuronOf(MINER).jailed) return idle();
        vm.prank(address(timelock));
        registry.release(MINER);
    }

    // Windows

    /// @dev Commitments, sheets, and the reckoning of a window. Verdicts: 0 silent, 1 accept, 2 reject, 3 abstain.
    function playWindow(uint8 verdict, uint256 count) external act {
        if (!playOne(verdict, count)) return idle();
    }

    function playOne(uint8 verdict, uint256 count) internal returns (bool) {
        uint64 window = block.number < GENESIS ? 0 : ledger.currentWindow() + 1;
        goTo(window, 1);
        open(window);
        if (ledger.groupsAllowed(window, MINER) == 0) return false;
        uint256 voices = 1 + count % 3;
        for (uint256 i = 0; i < voices; ++i) {
            bool works = registry.isActive(validators[i], Role.Validator);
            if (!works || active.stakeAt(validators[i], GENESIS + window * WINDOW - 1) == 0) return false;
        }
        delete committed;
        commitThis(commitment(window, leafRoot(window), 1));
        goTo(window, 12);
        seal(window);
        scoreBy(window, voices, verdict % 4);
        played.push();
        Played storage p = played[played.length - 1];
        (p.window, p.committed) = (window, true);
        p.terms = reckon(window);
        remember(window);
        return true;
    }

    /// @dev A whole window in one call, with somebody who has delegated: played, stated, final, claimed, collected.
    function payday(uint256 who, uint128 amount, uint256 where) external act {
        address staker = who % 2 == 0 ? ANN : BOB;
        address neuron = where % 4 == 0 ? MINER : validators[where % 4 - 1];
        uint256 held = token.balanceOf(staker);
        bool can = held >= 2 ether && vault.stakeOf(neuron) >= 1 ether;
        if (pauseSwitch.paused() || !can) return idle();
        vm.prank(staker);
        vault.stake(neuron, uint128(1 ether + amount % (held / 2)));
        if (!playOne(1, 2) || pauseSwitch.paused() || !mayState(last())) return idle();
        Played storage p = last();
        p.honest = board.propose(p.window, p.terms, emissionFor(p)) + 1;
        pass(71);
        if (!finishOne(p)) return idle();
        for (uint256 i = 0; i < due[p.window].index.length; ++i) {
            claimOne(p.window, i);
        }
        if (vault.collectable(neuron, staker) == 0) return;
        held = token.balanceOf(staker);
        uint256 collected = vault.collectable(neuron, staker);
        vm.prank(staker);
        vault.collect(neuron);
        if (token.balanceOf(staker) - held != collected || vault.collectable(neuron, staker) != 0) ++paidTwice;
    }

    function remember(uint64 window) internal {
        Due storage d = due[window];
        for (uint256 i = 0; i < leaves.length; ++i) {
            if (leaves[i].value == 0) continue;
            d.index.push(i);
            d.leaves.push(leaves[i]);
            d.paths.push(pathOf(i));
        }
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

    /// @dev The invariants' miner delivers one group, or is silent: a pledge of more makes it unreliable.
    function pledgeOther(uint8 groups) external act {
        address hotkey = registry.hotkeyOf(MINER);
        if (!registry.isActive(MINER, Role.Miner)) return idle();
        vm.prank(hotkey);
        ledger.pledge(groups % 4);
    }

    function voteReliability(uint8 windows) external act {
        set("reliability_windows", 1 + windows % 6);
    }

    function voteDrand(bool on) external act {
        set("beacon_drand", on ? 1 : 0);
    }

    function leafRoot(uint64 window) internal pure returns (bytes32) {
        return rootOf(guiltyLeaf(window));
    }

    /// @dev Every submission holds one leaf, of an environment that was not mandated.
    function guiltyLeaf(uint64 window) internal pure returns (RolloutLeaf memory leaf) {
        leaf = honestLeaf();
        (leaf.window, leaf.envId) = (window, keccak256("easier/1"));
    }

    function last() internal view returns (Played storage) {
        return played[played.length - 1];
    }

    function mayState(Played storage p) internal view returns (bool) {
        (ScoreBoard.Round memory r,) = board.roundOf(p.window);
        if (r.closed || pauseSwitch.paused() || token.balanceOf(address(this)) < 500 ether) return false;
        if (r.deadline != 0) return pauseSwitch.clock() < board.deadlineOf(p.window);
        return pauseSwitch.clock() <= pauseSwitch.clockAt(ledger.startOf(p.window) + 30) + 40;
    }

    function emissionFor(Played storage p) internal view returns (uint128) {
        (ScoreBoard.Round memory r,) = board.roundOf(p.window);
        return r.standing > 0 ? r.emission : uint128(pool.emissionOf(p.window));
    }

    function stands(uint64 window, uint256 numberPlusOne) internal view returns (bool) {
        if (numberPlusOne == 0) return false;
        (, ScoreBoard.Proposal[] memory all_) = board.roundOf(window);
        return all_[numberPlusOne - 1].standing;
    }

    /// @dev The truth by this contract, or a withheld lie by one of the others.
    function propose(bool lie, uint256 who) external act {
        if (played.length == 0) return idle();
        Played storage p = last();
        bool done = lie ? !stands(p.window, p.liar) && stateLie(p, who) : !stands(p.window, p.honest) && stateTruth(p);
        if (!done) return idle();
    }

    function stateTruth(Played storage p) internal returns (bool) {
        if (stands(p.window, p.honest)) return true;
        if (!mayState(p)) return false;
        p.honest = board.propose(p.window, p.terms, emissionFor(p)) + 1;
        return true;
    }

    function stateLie(Played storage p, uint256 who) internal returns (bool) {
        if (stands(p.window, p.liar)) return true;
        if (!mayState(p) || token.balanceOf(pick(who)) < 500 ether) return false;
        p.lie = Terms(keccak256(abi.encode(who)), p.terms.whole + 1, p.terms.due, p.terms.earned);
        uint128 emission = emissionFor(p);
        vm.prank(pick(who));
        p.liar = board.propose(p.window, p.lie, emission) + 1;
        return true;
    }

    /// @dev A duel between the truth and a lie whose tree nobody knows: anybody names the truth's nodes, silence loses.
    function duel(uint256 who) external act {
        if (played.length == 0 || pauseSwitch.paused()) return idle();
        Played storage p = last();
        if (!stateTruth(p) || !stateLie(p, who)) return idle();
        (, ScoreBoard.Proposal[] memory all_) = board.roundOf(p.window);
        uint256 before = token.balanceOf(all_[p.liar - 1].proposer);
        uint256 id = board.openDuel(p.window, p.honest - 1, p.terms, p.liar - 1, p.lie);
        vm.prank(pick(who));
        board.name(id, 0, nodesOf(8, 0));
        pass(6);
        board.timeout(id);
        if (token.balanceOf(all_[p.liar - 1].proposer) > before && all_[p.liar - 1].proposer != address(this)) {
            ++liarGained;
        }
    }

    function finish() external act {
        if (played.length == 0 || pauseSwitch.paused()) return idle();
        Played storage p = last();
        (ScoreBoard.Round memory r,) = board.roundOf(p.window);
        if (r.closed || r.standing > 1 || !stateTruth(p)) return idle();
        (r,) = board.roundOf(p.window);
        if (r.standing != 1) return idle();
        pass(71);
        if (!finishOne(p)) return idle();
    }

    function finishOne(Played storage p) internal returns (bool) {
        if (pauseSwitch.clock() < board.deadlineOf(p.window)) return false;
        (ScoreBoard.Round memory r,) = board.roundOf(p.window);
        uint256 before = token.totalSupply() + token.totalBurnt();
        board.finalize(p.window, p.honest - 1, p.terms);
        settled.push(p.window);
        minted += token.totalSupply() + token.totalBurnt() - before;
        if (token.totalSupply() + token.totalBurnt() - before > r.emission) ++paidTwice;
        return true;
    }

    function claim(uint256 which, uint256 leaf) external act {
        if (settled.length == 0) return idle();
        uint64 window = settled[which % settled.length];
        if (due[window].index.length == 0) return idle();
        claimOne(window, leaf % due[window].index.length);
    }

    function claimOne(uint64 window, uint256 i) internal {
        Due storage d = due[window];
        uint256 before = token.totalSupply() + token.totalBurnt();
        try pool.claim(window, d.index[i], d.leaves[i], d.paths[i]) {
            if (++timesPaid[keccak256(abi.encode(window, i))] > 1) ++paidTwice;
            minted += token.totalSupply() + token.totalBurnt() - before;
        } catch {}
    }

    function claimShare(uint256 which, bool treasury) external act {
        if (settled.length == 0) return idle();
        uint64 window = settled[which % settled.length];
        try pool.claimShare(window, treasury ? RewardPool.Share.Treasury : RewardPool.Share.Trainer) {
            if (++timesPaid[keccak256(abi.encode(window, "share", treasury))] > 1) ++paidTwice;
        } catch {}
    }

    function expire(uint256 which, uint256 leaf) external act {
        if (settled.length == 0 || pauseSwitch.paused()) return idle();
        uint64 window = settled[which % settled.length];
        Due storage d = due[window];
        if (d.index.length == 0) return idle();
        pass(1_001);
        uint256 i = leaf % d.index.length;
        try pool.expire(window, d.index[i], d.leaves[i], d.paths[i]) {
            if (++timesPaid[keccak256(abi.encode(window, i))] > 1) ++paidTwice;
        } catch {}
    }

    // Justice

    function prove(uint256 who, uint256 which) external act {
        if (played.length == 0) return idle();
        Played storage p = played[which % played.length];
        if (!p.committed) return idle();
        uint256 before = vault.slashableStake(MINER);
        address accuser = pick(who);
        uint256 held = token.balanceOf(accuser);
        uint256 owners = ownersStake();
        vm.prank(accuser);
        try court.proveDerivationFault(
            commitment(p.window, leafRoot(p.window), 1), guiltyLeaf(p.window), 1, entryOf(guiltyLeaf(p.window))
        ) {
            noteSlash(p.window, before);
            // the owner and whoever accuses it, taken together, always lose
            if (token.balanceOf(accuser) - held >= owners - ownersStake() && owners > ownersStake()) {
                ++selfAccuserGained;
            }
        } catch {}
    }

    /// @dev What the miner's owner itself has at stake, active and on its way out.
    function ownersStake() internal view returns (uint256 sum) {
        sum = vault.positionOf(MINER, MINER);
        (StakeVault.Exit[] memory queue, uint256[] memory worth) = vault.exitsOf(MINER);
        for (uint256 i = 0; i < queue.length; ++i) {
            if (queue[i].neuron == MINER) sum += worth[i];
        }
    }

    function noteSlash(uint64 window, uint256 before) internal {
        if (++timesSlashed[keccak256(abi.encode(window, MINER))] > 1) ++slashedTwice;
        if (before - vault.slashableStake(MINER) > before / 2) ++slashedTooMuch;
    }

    function accuse(uint256 juror) external act {
        if (played.length == 0) return idle();
        Played storage p = last();
        address accuser = validators[juror % 3];
        bool can = p.committed && registry.isActive(accuser, Role.Validator) && token.balanceOf(accuser) >= 50 ether;
        bool again = jury.accusedBy(p.window, MINER, accuser) || court.convicted(p.window, MINER);
        if (!can || again || pauseSwitch.clock() > horizonOf(p.window)) return idle();
        vm.prank(accuser);
        openCases.push(jury.accuse(commitment(p.window, leafRoot(p.window), 1), Fault.Replay, 0));
        pass(2);
    }

    function horizonOf(uint64 window) internal view returns (uint256) {
        uint256 end = ledger.startOf(window + 1);
        return end > block.number ? type(uint256).max : pauseSwitch.clockAt(end) + 120;
    }

    /// @dev One step of the oldest open case: votes, reveals, ruling, appeal, end.
    function trial(bool guilty, bool appeal, uint256 who) external act {
        if (openCases.length == 0 || pauseSwitch.paused()) return idle();
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

    /// @dev A whole case in one call: accuse or contest, draw, both phases, ruling, perhaps an appeal, the end, fines.
    function wholeCase(uint256 who, uint8[3] calldata words, bool appealed, bool plea) external act {
        if (played.length == 0 || pauseSwitch.paused()) return idle();
        Played storage p = last();
        (bool filed, uint256 id) = plea ? plead(p, who) : accuseOne(p, who);
        if (!filed) return idle();
        pass(2);
        jury.draw(id);
        voteAll(id, 1, words);
        if (pauseSwitch.paused()) return idle();
        jury.rule(id);
        if (jury.caseOf(id).state == Jury.State.Closed) {
            return;
        }
        if (appealed && token.balanceOf(ANN) >= 200 ether) {
            vm.prank(ANN);
            jury.appeal(id);
            voteAll(id, 2, words);
        } else {
            pass(21);
        }
        if (pauseSwitch.paused()) return idle();
        Jury.Case memory k = jury.caseOf(id);
        (uint256 stakeBefore, bool was) = (vault.slashableStake(MINER), court.convicted(k.window, MINER));
        uint256 accuserBefore = token.balanceOf(k.accuser);
        jury.execute(id);
        bool guilty = jury.caseOf(id).ruling == Jury.Verdict.Guilty;
        if (guilty && !was && !plea) noteSlash(k.window, stakeBefore);
        if (plea && vault.slashableStake(MINER) != stakeBefore) ++slashedTooMuch;
        if (!guilty && !appealed && token.balanceOf(k.accuser) > accuserBefore && !plea) ++cheapGrief;
        fineAll(id, words);
    }

    function fineAll(uint256 id, uint8[3] calldata words) internal {
        Jury.Verdict ruling = jury.caseOf(id).ruling;
        for (uint256 i = 0; i < 3; ++i) {
            uint256 before = vault.slashableStake(validators[i]);
            try jury.fine(id, validators[i]) {
                if (before - vault.slashableStake(validators[i]) > 5 ether) ++slashedTooMuch;
                Jury.Verdict word = Jury.Verdict(words[i] % 4);
                (, Jury.Verdict said) = jury.voteOf(id, 1, validators[i]);
                if (said == ruling || said == Jury.Verdict.Abstain || (said != word && said != Jury.Verdict.None)) {
                    ++slashedTooMuch;
                }
            } catch {}
        }
    }

    function accuseOne(Played storage p, uint256 who) internal returns (bool, uint256) {
        address accuser = validators[who % 3];
        bool can = registry.isActive(accuser, Role.Validator) && token.balanceOf(accuser) >= 50 ether;
        bool again = jury.accusedBy(p.window, MINER, accuser) || court.convicted(p.window, MINER);
        if (!can || again || pauseSwitch.clock() > horizonOf(p.window)) return (false, 0);
        vm.prank(accuser);
        return (true, jury.accuse(commitment(p.window, leafRoot(p.window), 1), Fault.Replay, 0));
    }

    function plead(Played storage p, uint256 who) internal returns (bool, uint256) {
        if (token.balanceOf(MINER) < 50 ether) return (false, 0);
        address validator = validators[who % 3];
        vm.prank(MINER);
        try jury.contest(commitment(p.window, leafRoot(p.window), 1), validator, sheets[p.window][validator]) returns (
            uint256 id
        ) {
            return (true, id);
        } catch {
            return (false, 0);
        }
    }

    function voteAll(uint256 id, uint256 round, uint8[3] calldata words) internal {
        for (uint256 i = 0; i < 3; ++i) {
            Jury.Verdict word = Jury.Verdict(words[i] % 4);
            bytes32 ballot_ = keccak256(abi.encode(id, round, validators[i], word, bytes32(0)));
            vm.prank(validators[i]);
            try jury.commitVote(id, ballot_) {} catch {}
        }
        pass(11);
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(validators[i]);
            try jury.revealVote(id, Jury.Verdict(words[i] % 4), 0) {} catch {}
        }
        pass(11);
    }

    function fine(uint256 id, uint256 juror) external act {
        if (jury.caseCount() == 0) return idle();
        uint256 before = vault.slashableStake(validators[juror % 3]);
        try jury.fine(id % jury.caseCount(), validators[juror % 3]) {
            if (before - vault.slashableStake(validators[juror % 3]) > 5 ether) ++slashedTooMuch;
        } catch {}
    }

    // Power

    function pause() external act {
        if (block.number < pauseSwitch.readyAgain()) return idle();
        vm.prank(GUARDIAN);
        pauseSwitch.pause();
    }

    function resume() external act {
        if (!pauseSwitch.paused()) return idle();
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
        try token.mint(pick(who), 1, 0) {
            ++intruders;
        } catch {}
        vm.stopPrank();
    }
}
