// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {RewardPolicy} from "../src/RewardPolicy.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Chunks} from "../src/libraries/Chunks.sol";
import {Commitment, Commitments} from "../src/libraries/Commitments.sol";
import {Keys} from "../src/libraries/Keys.sol";
import {Leaf, RolloutLeaf} from "../src/libraries/Leaf.sol";
import {Philox} from "../src/libraries/Philox.sol";
import {Pledges} from "../src/libraries/Pledges.sol";
import {Schedule, Timing} from "../src/libraries/Schedule.sol";
import {Sortition} from "../src/libraries/Sortition.sol";
import {Entry, SumTree} from "../src/libraries/SumTree.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {LeafTree, SettlementLeaf} from "../src/libraries/Settlements.sol";
import {Sheets} from "../src/libraries/Sheets.sol";
import {Test} from "./base/Test.sol";
import {Trees} from "./base/Trees.sol";

/// @dev OpenZeppelin's typed-data hash with the ledger's domain, at any address and chain.
contract TypedData is EIP712 {
    constructor() EIP712("Grail", "1") {}

    function signingHash(bytes32 structHash) external view returns (bytes32) {
        return _hashTypedDataV4(structHash);
    }
}

/// @dev The same JSON files that tests/protocol reads: both languages must compute the same.
contract VectorsTest is Test {
    using Schedule for Timing;

    function load(string memory name) private view returns (string memory) {
        return vm.readFile(string.concat("../tests/vectors/", name, ".json"));
    }

    function path(uint256 i, string memory field) private pure returns (string memory) {
        return string.concat(".cases[", vm.toString(i), "].", field);
    }

    function count(string memory json, string memory field) private view returns (uint256 n) {
        while (vm.keyExistsJson(json, path(n, field))) ++n;
        assertTrue(n > 0, "no cases: the test would show nothing");
    }

    function test_keys() public view {
        string memory j = load("keys");
        uint256 n = count(j, "beacon");
        for (uint256 i = 0; i < n; ++i) {
            checkWindow(j, i);
            checkProblem(j, i);
            checkRollout(j, i);
        }
    }

    function checkWindow(string memory j, uint256 i) private pure {
        uint64 w = uint64(vm.parseJsonUint(j, path(i, "window")));
        uint256 chainId = vm.parseJsonUint(j, path(i, "chainId"));
        address ledger = vm.parseJsonAddress(j, path(i, "ledger"));
        bytes32 blockHash = vm.parseJsonBytes32(j, path(i, "blockHash"));
        bytes32 beacon = Keys.beacon(chainId, ledger, w, blockHash);
        bytes32 challenge = Keys.challenge(chainId, ledger, w, blockHash);
        assertEq(beacon, vm.parseJsonBytes32(j, path(i, "beacon")), "beacon");
        bytes32 mixed = Keys.seed(blockHash, vm.parseJsonBytes32(j, path(i, "randomness")));
        assertEq(mixed, vm.parseJsonBytes32(j, path(i, "seed")), "seed");
        assertEq(challenge, vm.parseJsonBytes32(j, path(i, "challenge")), "challenge");
        assertEq(Keys.sketchSeed(beacon), vm.parseJsonBytes32(j, path(i, "sketchSeed")), "sketch seed");
        address validator = vm.parseJsonAddress(j, path(i, "validator"));
        assertEq(Keys.auditKey(challenge, validator), vm.parseJsonBytes32(j, path(i, "auditKey")), "audit key");
    }

    function checkProblem(string memory j, uint256 i) private pure {
        address miner = vm.parseJsonAddress(j, path(i, "miner"));
        bytes32 beacon = vm.parseJsonBytes32(j, path(i, "beacon"));
        bytes32 problem = Keys.problemKey(beacon, miner, vm.parseJsonUint(j, path(i, "group")));
        assertEq(problem, vm.parseJsonBytes32(j, path(i, "problemKey")), "problem key");
        uint256 ticket = Keys.environmentTicket(problem, 7);
        uint256 index = ticket < 1 ? 0 : ticket < 3 ? 1 : 2;
        assertEq(index, vm.parseJsonUint(j, path(i, "environmentOf7")), "environment");
    }

    function checkRollout(string memory j, uint256 i) private pure {
        bytes32 problem = vm.parseJsonBytes32(j, path(i, "problemKey"));
        bytes32 fingerprint = vm.parseJsonBytes32(j, path(i, "fingerprint"));
        bytes32 rules = vm.parseJsonBytes32(j, path(i, "rulesHash"));
        bytes32 key = Keys.rolloutKey(problem, fingerprint, rules, vm.parseJsonUint(j, path(i, "index")));
        assertEq(key, vm.parseJsonBytes32(j, path(i, "rolloutKey")), "rollout key");
    }

    function test_philox() public view {
        string memory j = load("philox");
        uint256 n = count(j, "words");
        for (uint256 i = 0; i < n; ++i) {
            uint256[] memory c = vm.parseJsonUintArray(j, path(i, "counter"));
            uint256[] memory k = vm.parseJsonUintArray(j, path(i, "key"));
            uint256[] memory expected = vm.parseJsonUintArray(j, path(i, "words"));
            uint32[4] memory counter = [uint32(c[0]), uint32(c[1]), uint32(c[2]), uint32(c[3])];
            uint32[4] memory words = Philox.words(counter, [uint32(k[0]), uint32(k[1])]);
            for (uint256 w = 0; w < 4; ++w) {
                assertEq(words[w], expected[w], "philox word");
            }
        }
    }

    function test_gumbel() public view {
        string memory j = load("gumbel");
        uint256 n = count(j, "words");
        for (uint256 i = 0; i < n; ++i) {
            bytes32 key = vm.parseJsonBytes32(j, path(i, "key"));
            uint32 step = uint32(vm.parseJsonUint(j, path(i, "step")));
            uint256[] memory ids = vm.parseJsonUintArray(j, path(i, "ids"));
            uint256[] memory words = vm.parseJsonUintArray(j, path(i, "words"));
            for (uint256 v = 0; v < ids.length; ++v) {
                assertEq(Philox.noiseWord(key, step, uint32(ids[v])), words[v], "noise word");
            }
        }
    }

    function test_leaf() public view {
        string memory j = load("leaf");
        uint256 n = count(j, "digest");
        for (uint256 i = 0; i < n; ++i) {
            RolloutLeaf memory leaf;
            leaf.window = uint64(vm.parseJsonUint(j, path(i, "window")));
            leaf.miner = vm.parseJsonAddress(j, path(i, "miner"));
            leaf.checkpointVersion = uint64(vm.parseJsonUint(j, path(i, "checkpointVersion")));
            leaf.envId = vm.parseJsonBytes32(j, path(i, "envId"));
            leaf.group = uint32(vm.parseJsonUint(j, path(i, "group")));
            leaf.index = uint32(vm.parseJsonUint(j, path(i, "index")));
            leaf.promptHash = vm.parseJsonBytes32(j, path(i, "promptHash"));
            leaf.tokensRoot = vm.parseJsonBytes32(j, path(i, "tokensRoot"));
            leaf.logprobsRoot = vm.parseJsonBytes32(j, path(i, "logprobsRoot"));
            leaf.proofRoot = vm.parseJsonBytes32(j, path(i, "proofRoot"));
            leaf.nTokens = uint32(vm.parseJsonUint(j, path(i, "nTokens")));
            leaf.finish = uint8(vm.parseJsonUint(j, path(i, "finish")));
            leaf.rewardMicro = int64(vm.parseJsonInt(j, path(i, "rewardMicro")));
            leaf.turns = uint16(vm.parseJsonUint(j, path(i, "turns")));
            leaf.observedTokens = uint32(vm.parseJsonUint(j, path(i, "observedTokens")));
            leaf.observationsHash = vm.parseJsonBytes32(j, path(i, "observationsHash"));
            assertEq(Leaf.digest(leaf), vm.parseJsonBytes32(j, path(i, "digest")), "leaf");
        }
    }

    function test_chunks() public view {
        string memory j = load("chunks");
        uint256 n = count(j, "root");
        for (uint256 i = 0; i < n; ++i) {
            bytes32 root = vm.parseJsonBytes32(j, path(i, "root"));
            uint256 length = vm.parseJsonUint(j, path(i, "length"));
            uint256 index = vm.parseJsonUint(j, path(i, "index"));
            bytes memory chunk = bytesOf(length, index);
            bytes32[] memory siblings = vm.parseJsonBytes32Array(j, path(i, "path"));
            assertTrue(this.holds(root, length, index, chunk, siblings), "a chunk of the array");
            assertTrue(!this.holds(root, length + 1, index, chunk, siblings), "of a longer one");
            assertTrue(!this.holds(root, length, index + 1, chunk, siblings), "in another place");
            assertTrue(!this.holds(root, length, index, bytes.concat(chunk, "x"), siblings), "another chunk");
            bytes32[] memory more = new bytes32[](siblings.length + 1);
            for (uint256 k = 0; k < siblings.length; ++k) {
                more[k] = siblings[k];
            }
            assertTrue(!this.holds(root, length, index, chunk, more), "a longer path");
            if (siblings.length > 0) {
                assertTrue(!this.holds(root, length, index, chunk, new bytes32[](siblings.length - 1)), "a shorter one");
            }
        }
    }

    /// @dev Byte k of the vectors' arrays is k mod 251.
    function bytesOf(uint256 length, uint256 index) private pure returns (bytes memory chunk) {
        uint256 from = index * 4_096;
        uint256 rest = length - from;
        chunk = new bytes(rest < 4_096 ? rest : 4_096);
        for (uint256 k = 0; k < chunk.length; ++k) {
            chunk[k] = bytes1(uint8((from + k) % 251));
        }
    }

    function holds(bytes32 root, uint256 length, uint256 index, bytes calldata chunk, bytes32[] calldata siblings)
        external
        pure
        returns (bool)
    {
        return Chunks.holds(root, length, index, chunk, siblings);
    }

    function test_merkle() public view {
        string memory j = load("merkle");
        uint256 n = count(j, "root");
        for (uint256 i = 0; i < n; ++i) {
            bytes32[] memory proof = vm.parseJsonBytes32Array(j, path(i, "path"));
            bytes32 leaf = vm.parseJsonBytes32(j, path(i, "leaf"));
            assertTrue(MerkleProof.verify(proof, vm.parseJsonBytes32(j, path(i, "root")), leaf), "merkle path");
        }
    }

    function test_sketch() public view {
        string memory j = load("sketch");
        uint256 n = count(j, "positive");
        for (uint256 i = 0; i < n; ++i) {
            bytes32 seed = vm.parseJsonBytes32(j, path(i, "seed"));
            uint256 hidden = vm.parseJsonUint(j, path(i, "hiddenSize"));
            uint256[] memory positive = vm.parseJsonUintArray(j, path(i, "positive"));
            uint256 perRow = (hidden + 31) / 32;
            for (uint256 e = 0; e < positive.length; ++e) {
                uint256 word = (e / hidden) * perRow + (e % hidden) / 32;
                uint32[4] memory four = Philox.words([uint32(word / 4), 0, 0, 0], Philox.keyWords(seed));
                assertEq((four[word % 4] >> ((e % hidden) % 32)) & 1, positive[e], "sketch sign");
            }
        }
    }

    function test_schedule() public view {
        string memory j = load("schedule");
        uint256 n = count(j, "block");
        for (uint256 i = 0; i < n; ++i) {
            uint256[] memory t = vm.parseJsonUintArray(j, path(i, "timing"));
            Timing memory timing = Timing(uint64(t[0]), uint64(t[1]), uint64(t[2]), uint64(t[3]), uint64(t[4]));
            uint64 window = timing.windowOf(vm.parseJsonUint(j, path(i, "block")));
            assertEq(window, vm.parseJsonUint(j, path(i, "window")), "window");
            assertEq(timing.start(window), vm.parseJsonUint(j, path(i, "start")), "start");
            assertEq(timing.commitDeadline(window), vm.parseJsonUint(j, path(i, "commitDeadline")), "commit");
            assertEq(timing.challengeBlock(window), vm.parseJsonUint(j, path(i, "challengeBlock")), "challenge");
            assertEq(timing.scoreDeadline(window), vm.parseJsonUint(j, path(i, "scoreDeadline")), "score");
            assertEq(timing.revealDeadline(window), vm.parseJsonUint(j, path(i, "revealDeadline")), "reveal");
        }
    }

    function mix() private pure returns (RewardPolicy.Mix memory m) {
        m = RewardPolicy.Mix(new string[](1), new uint32[](1), new uint32[](1));
        (m.ids[0], m.weights[0]) = ("arithmetic/1", 1);
    }

    function test_commitment() public {
        string memory j = load("commitment");
        uint256 n = count(j, "digest");
        for (uint256 i = 0; i < n; ++i) {
            Commitment memory c = Commitment(
                uint64(vm.parseJsonUint(j, path(i, "window"))),
                vm.parseJsonAddress(j, path(i, "miner")),
                vm.parseJsonBytes32(j, path(i, "root")),
                vm.parseJsonBytes32(j, path(i, "blobDigest")),
                uint32(vm.parseJsonUint(j, path(i, "groups"))),
                uint64(vm.parseJsonUint(j, path(i, "checkpointVersion"))),
                uint64(vm.parseJsonUint(j, path(i, "worth")))
            );
            bytes32 digest = Commitments.digest(c);
            assertEq(digest, vm.parseJsonBytes32(j, path(i, "digest")), "digest");
            TypedData typed = new TypedData();
            vm.etch(vm.parseJsonAddress(j, path(i, "ledger")), address(typed).code);
            vm.chainId(vm.parseJsonUint(j, path(i, "chainId")));
            bytes32 got = TypedData(vm.parseJsonAddress(j, path(i, "ledger"))).signingHash(digest);
            assertEq(got, vm.parseJsonBytes32(j, path(i, "signingHash")), "signing hash");
        }
    }

    function test_sum_tree() public view {
        string memory j = load("sum_tree");
        uint256 n = count(j, "root");
        for (uint256 i = 0; i < n; ++i) {
            uint256[] memory keys = vm.parseJsonUintArray(j, path(i, "keys"));
            uint256[] memory values = vm.parseJsonUintArray(j, path(i, "values"));
            Trees.Tree memory tree = Trees.make(vm.parseJsonBytes32(j, path(i, "context")), keys.length);
            for (uint256 k = 0; k < keys.length; ++k) {
                (tree.keys[k], tree.values[k]) = (keys[k], uint128(values[k]));
            }
            assertEq(Trees.root(tree), vm.parseJsonBytes32(j, path(i, "root")), "root");
            Entry memory entry = entryOf(j, i, tree);
            bytes32 root = vm.parseJsonBytes32(j, path(i, "root"));
            this.requireEntry(root, vm.parseJsonUint(j, path(i, "sum")), tree.context, keys.length, entry);
        }
    }

    function entryOf(string memory j, uint256 i, Trees.Tree memory tree) private pure returns (Entry memory entry) {
        entry.path = vm.parseJsonUintArray(j, path(i, "path"));
        entry.index = uint32(vm.parseJsonUint(j, path(i, "index")));
        (entry.key, entry.value) = (tree.keys[entry.index], tree.values[entry.index]);
    }

    function requireEntry(bytes32 root, uint256 sum, bytes32 context, uint256 size, Entry calldata entry)
        external
        pure
    {
        SumTree.requireEntry(root, sum, context, size, entry);
    }

    function test_sheets() public view {
        string memory j = load("sheets");
        uint256 n = count(j, "page");
        for (uint256 i = 0; i < n; ++i) {
            uint256 page = vm.parseJsonUint(j, path(i, "page"));
            uint256 entry =
                this.sheetEntry(vm.parseJsonBytes(j, path(i, "sheet")), page, vm.parseJsonUint(j, path(i, "rank")));
            assertEq(entry, vm.parseJsonUint(j, path(i, "entry")), "entry");
        }
    }

    function sheetEntry(bytes calldata sheet, uint256 page, uint256 rank) external pure returns (uint256) {
        return Sheets.entry(sheet, page, rank);
    }

    function test_pledges() public view {
        string memory j = load("pledges");
        uint256 n = count(j, "groups");
        for (uint256 i = 0; i < n; ++i) {
            Pledges.Record memory r = Pledges.Record(vm.parseJsonUint(j, path(i, "pledged")), 0, 0);
            uint256[] memory promises = vm.parseJsonUintArray(j, path(i, "pledges"));
            uint256[] memory delivered = vm.parseJsonUintArray(j, path(i, "delivered"));
            for (uint256 v = 0; v < promises.length; ++v) {
                Pledges.add(r, promises[v], delivered[v]);
            }
            uint256 paid =
                Pledges.paid(r, vm.parseJsonUint(j, path(i, "worth")), vm.parseJsonUint(j, path(i, "groups")));
            assertEq(paid, vm.parseJsonUint(j, path(i, "paid")), "paid");
        }
    }

    function test_leaves() public view {
        string memory j = load("leaves");
        uint256 n = count(j, "root");
        for (uint256 i = 0; i < n; ++i) {
            SettlementLeaf memory leaf = SettlementLeaf(
                vm.parseJsonAddress(j, path(i, "account")),
                uint128(vm.parseJsonUint(j, path(i, "value"))),
                uint8(vm.parseJsonUint(j, path(i, "holds"))),
                uint128(vm.parseJsonUint(j, path(i, "whole"))),
                uint128(vm.parseJsonUint(j, path(i, "sum")))
            );
            uint256 index = vm.parseJsonUint(j, path(i, "index"));
            bytes32 digest = LeafTree.digest(uint64(vm.parseJsonUint(j, path(i, "window"))), index, leaf);
            assertEq(digest, vm.parseJsonBytes32(j, path(i, "digest")), "digest");
            bytes32[] memory siblings = vm.parseJsonBytes32Array(j, path(i, "path"));
            assertEq(siblings.length, LeafTree.depth(vm.parseJsonUint(j, path(i, "leaves"))), "depth");
            bytes32 root = vm.parseJsonBytes32(j, path(i, "root"));
            assertTrue(this.leads(root, digest, index, siblings), "leads to the root");
            bytes32[] memory named = vm.parseJsonBytes32Array(j, path(i, "named"));
            bytes32[16] memory nodes;
            for (uint256 k = 0; k < 16; ++k) {
                nodes[k] = named[k];
            }
            assertEq(this.join(nodes), vm.parseJsonBytes32(j, path(i, "upper")), "sixteen nodes");
        }
    }

    function leads(bytes32 root, bytes32 node, uint256 index, bytes32[] calldata siblings)
        external
        pure
        returns (bool)
    {
        return LeafTree.leads(root, node, index, siblings);
    }

    function join(bytes32[16] calldata nodes) external pure returns (bytes32) {
        return LeafTree.join(nodes);
    }

    function test_sortition() public view {
        string memory j = load("sortition");
        uint256 n = count(j, "seed");
        for (uint256 i = 0; i < n; ++i) {
            bytes32 seed = Sortition.seed(
                vm.parseJsonUint(j, path(i, "chainId")),
                vm.parseJsonAddress(j, path(i, "jury")),
                vm.parseJsonUint(j, path(i, "id")),
                vm.parseJsonBytes32(j, path(i, "blockHash"))
            );
            assertEq(seed, vm.parseJsonBytes32(j, path(i, "seed")), "seed");
            assertEq(seatsOf(j, i, seed), vm.parseJsonUint(j, path(i, "seats")), "seats");
        }
    }

    function seatsOf(string memory j, uint256 i, bytes32 seed) private pure returns (uint256) {
        return Sortition.seats(
            seed,
            vm.parseJsonUint(j, path(i, "start")),
            vm.parseJsonUint(j, path(i, "stake")),
            vm.parseJsonUint(j, path(i, "total")),
            vm.parseJsonUint(j, path(i, "jurySeats"))
        );
    }

    function test_policy() public {
        RewardPolicy.Floors memory floors = RewardPolicy.Floors(600, 360);
        RewardPolicy policy = new RewardPolicy(address(this), floors, new string[](0), new uint208[](0), mix());
        string memory j = load("policy");
        uint256 n = count(j, "key");
        (bytes32[] memory keys, uint256[] memory values) = policy.allAt(block.number);
        assertEq(keys.length, n, "number of parameters");
        for (uint256 i = 0; i < n; ++i) {
            assertEq(keys[i], vm.parseJsonBytes32(j, path(i, "key")), "key");
            assertEq(values[i], vm.parseJsonUint(j, path(i, "value")), "default");
            (uint208 min, uint208 max) = policy.bounds(keys[i]);
            assertEq(min, vm.parseJsonUint(j, path(i, "min")), "min");
            assertEq(max, vm.parseJsonUint(j, path(i, "max")), "max");
        }
    }
}
