// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @dev The part of forge's cheatcodes that the tests use; npm carries no current forge-std.
interface Vm {
    function prank(address sender) external;
    function startPrank(address sender) external;
    function stopPrank() external;
    function roll(uint256 blockNumber) external;
    function expectRevert(bytes4 selector) external;
    function expectRevert(bytes calldata data) external;
    function expectRevert() external;
    function readFile(string calldata path) external view returns (string memory);
    function parseJsonUint(string calldata json, string calldata path) external pure returns (uint256);
    function parseJsonInt(string calldata json, string calldata path) external pure returns (int256);
    function parseJsonUintArray(string calldata json, string calldata path) external pure returns (uint256[] memory);
    function parseJsonBytes32(string calldata json, string calldata path) external pure returns (bytes32);
    function parseJsonBytes32Array(string calldata json, string calldata path) external pure returns (bytes32[] memory);
    function parseJsonAddress(string calldata json, string calldata path) external pure returns (address);
    function parseJsonString(string calldata json, string calldata path) external pure returns (string memory);
    function keyExistsJson(string calldata json, string calldata path) external view returns (bool);
    function toString(uint256 value) external pure returns (string memory);
}

/// @dev Asserts and what forge asks of an invariant test.
abstract contract Test {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    // forge takes a contract with this constant for a test contract
    bool public constant IS_TEST = true;

    error NotEqual(string what, bytes32 left, bytes32 right);
    error NotTrue(string what);

    address[] private targets;

    function targetContracts() public view returns (address[] memory) {
        return targets;
    }

    function targetContract(address target) internal {
        targets.push(target);
    }

    function assertEq(uint256 left, uint256 right, string memory what) internal pure {
        if (left != right) revert NotEqual(what, bytes32(left), bytes32(right));
    }

    function assertEq(bytes32 left, bytes32 right, string memory what) internal pure {
        if (left != right) revert NotEqual(what, left, right);
    }

    function assertEq(address left, address right, string memory what) internal pure {
        assertEq(uint256(uint160(left)), uint256(uint160(right)), what);
    }

    function assertTrue(bool value, string memory what) internal pure {
        if (!value) revert NotTrue(what);
    }

    function bound(uint256 value, uint256 low, uint256 high) internal pure returns (uint256) {
        return low + value % (high - low + 1);
    }
}
