// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Errors} from "./Errors.sol";

/// @notice An element of BLS12-381's base field as EIP-2537 writes it: 16 zero bytes, then 48 bytes, big endian.
struct Fp {
    uint256 hi;
    uint256 lo;
}

/// @title BLS signatures on G1 with keys on G2 (RFC 9380 hashing, compressed points as in ZCash's format), by the
///        precompiles of EIP-198 and EIP-2537. Needs a chain with Prague's rules.
library Bls {
    address private constant MODEXP = address(0x05);
    address private constant G1_ADD = address(0x0b);
    address private constant PAIRING = address(0x0f);
    address private constant MAP_TO_G1 = address(0x10);

    uint256 private constant P_HI = 0x1a0111ea397fe69a4b1ba7b6434bacd7;
    uint256 private constant P_LO = 0x64774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab;
    /// @dev (p - 1) / 2: a compressed point's sign bit says whether y is above it.
    uint256 private constant HALF_HI = 0x0d0088f51cbff34d258dd3db21a5d66b;
    uint256 private constant HALF_LO = 0xb23ba5c279c2895fb39869507b587b120f55ffff58a9ffffdcff7fffffffd555;
    /// @dev (p + 1) / 4: the exponent of a square root.
    bytes private constant ROOT =
        hex"0680447a8e5ff9a692c6e9ed90d2eb35d91dd2e13ce144afd9cc34a83dac3d8907aaffffac54ffffee7fbfffffffeaab";
    /// @dev The generator of G2, negated: x.c0, x.c1, y.c0, y.c1.
    bytes private constant NEGATED_G2 = hex"00000000000000000000000000000000024aa2b2f08f0a91260805272dc51051"
        hex"c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8"
        hex"0000000000000000000000000000000013e02b6052719f607dacd3a088274f65"
        hex"596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e"
        hex"000000000000000000000000000000000d1b3cc2c7027888be51d9ef691d77bc"
        hex"b679afda66c73f17f9ee3837a55024f78c71363275a75d75d86bab79f74782aa"
        hex"0000000000000000000000000000000013fa4d4a0ad8b1ce186ed5061789213d"
        hex"993923066dddaf1040bc3ff59f825c78df74f2d75467e25e0f55f8a00fa030ed";
    /// @dev Domain tag of hashing to G1, its length behind it.
    bytes private constant TAG = "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_\x2b";

    /// @notice Is `signature` (48 bytes, compressed) the signature of `message` under `key` (256 bytes, a point of G2)?
    /// @dev e(signature, -g2) e(H(message), key) = 1; the pairing also refuses points off the curve or its subgroup.
    function verify(bytes memory key, bytes memory message, bytes calldata signature) internal view returns (bool) {
        bytes memory point = decompress(signature);
        if (point.length == 0) return false;
        (bool ok, bytes memory result) = PAIRING.staticcall(abi.encodePacked(point, NEGATED_G2, hashToG1(message), key));
        return ok && result.length == 32 && uint256(bytes32(result)) == 1;
    }

    /// @notice Has this chain the precompiles?
    function available() internal view returns (bool) {
        (bool ok, bytes memory result) = MAP_TO_G1.staticcall(abi.encode(Fp(0, 0)));
        return ok && result.length == 128;
    }

    /// @notice A message's point of G1: 128 bytes. Reverts where the chain lacks the precompiles.
    function hashToG1(bytes memory message) internal view returns (bytes memory) {
        bytes memory uniform = expand(message);
        bytes memory both = bytes.concat(mapped(uniform, 0), mapped(uniform, 64));
        return run(G1_ADD, both, 128);
    }

    /// @dev A compressed point written out, x and y; empty when the flags are wrong. It may still be off the curve.
    function decompress(bytes calldata data) private view returns (bytes memory) {
        if (data.length != 48 || uint8(data[0]) & 0xc0 != 0x80) return "";
        bool above = uint8(data[0]) & 0x20 != 0;
        Fp memory x = Fp(uint128(bytes16(data[:16])) & (type(uint128).max >> 3), uint256(bytes32(data[16:])));
        Fp memory y = power(abi.encode(x), hex"03");
        unchecked {
            // x^3 + 4: the lower word may run over
            y.lo += 4;
            if (y.lo < 4) ++y.hi;
        }
        y = power(abi.encode(y), ROOT);
        if ((y.hi > HALF_HI || (y.hi == HALF_HI && y.lo > HALF_LO)) != above) {
            unchecked {
                y = Fp(P_HI - y.hi - (y.lo > P_LO ? 1 : 0), P_LO - y.lo);
            }
        }
        return abi.encode(x, y);
    }

    /// @dev expand_message_xmd (RFC 9380, 5.3.1) with SHA-256 to 128 bytes.
    function expand(bytes memory message) private pure returns (bytes memory) {
        bytes32 first = sha256(abi.encodePacked(new bytes(64), message, hex"008000", TAG));
        bytes32 b1 = sha256(abi.encodePacked(first, hex"01", TAG));
        bytes32 b2 = sha256(abi.encodePacked(first ^ b1, hex"02", TAG));
        bytes32 b3 = sha256(abi.encodePacked(first ^ b2, hex"03", TAG));
        return abi.encodePacked(b1, b2, b3, sha256(abi.encodePacked(first ^ b3, hex"04", TAG)));
    }

    /// @dev 64 bytes of `uniform` from `offset`, modulo p, mapped to G1.
    function mapped(bytes memory uniform, uint256 offset) private view returns (bytes memory) {
        Fp memory wide;
        assembly ("memory-safe") {
            let words := add(add(uniform, 32), offset)
            mstore(wide, mload(words))
            mstore(add(wide, 32), mload(add(words, 32)))
        }
        return run(MAP_TO_G1, abi.encode(power(abi.encode(wide), hex"01")), 128);
    }

    /// @dev base^exponent modulo p; `base` has 64 bytes.
    function power(bytes memory base, bytes memory exponent) private view returns (Fp memory) {
        bytes memory input = abi.encodePacked(uint256(64), exponent.length, uint256(64), base, exponent, P_HI, P_LO);
        return abi.decode(run(MODEXP, input, 64), (Fp));
    }

    function run(address precompile, bytes memory input, uint256 length) private view returns (bytes memory) {
        (bool ok, bytes memory result) = precompile.staticcall(input);
        if (!ok || result.length != length) revert Errors.NoPrecompile(precompile);
        return result;
    }
}
