// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Bls} from "../../src/libraries/Bls.sol";

/// @dev A drand network of one: signs any round with a known secret, by the multiplication precompiles.
library DrandSigner {
    uint256 private constant SECRET = 0xD7A4D;
    address private constant G1_MSM = address(0x0c);
    address private constant G2_MSM = address(0x0e);
    bytes32 private constant HALF_HI = bytes32(uint256(0x0d0088f51cbff34d258dd3db21a5d66b));
    bytes32 private constant HALF_LO = 0xb23ba5c279c2895fb39869507b587b120f55ffff58a9ffffdcff7fffffffd555;
    bytes private constant G2 = hex"00000000000000000000000000000000024aa2b2f08f0a91260805272dc51051"
        hex"c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8"
        hex"0000000000000000000000000000000013e02b6052719f607dacd3a088274f65"
        hex"596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e"
        hex"000000000000000000000000000000000ce5d527727d6e118cc9cdc6da2e351a"
        hex"adfd9baa8cbdd3a76d429a695160d12c923ac9cc3baca289e193548608b82801"
        hex"000000000000000000000000000000000606c4a02ea734cc32acd2b02bc28b99"
        hex"cb3e287e85a763af267492ab572e99ab3f370d275cec1da1aaa9075ff05f79be";

    function publicKey() internal view returns (bytes memory key) {
        (, key) = G2_MSM.staticcall(abi.encodePacked(G2, SECRET));
    }

    function sign(uint64 round) internal view returns (bytes memory) {
        bytes memory message = abi.encodePacked(sha256(abi.encodePacked(round)));
        (, bytes memory point) = G1_MSM.staticcall(abi.encodePacked(Bls.hashToG1(message), SECRET));
        return compress(point);
    }

    function compress(bytes memory point) internal pure returns (bytes memory signature) {
        (uint256 hi, uint256 lo, bytes32 yHi, bytes32 yLo) = abi.decode(point, (uint256, uint256, bytes32, bytes32));
        bool above = yHi > HALF_HI || (yHi == HALF_HI && yLo > HALF_LO);
        return abi.encodePacked(uint128(hi | uint256(above ? 0xa0 : 0x80) << 120), lo);
    }
}
