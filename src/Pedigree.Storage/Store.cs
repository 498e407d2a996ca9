using Pedigree.Storage.Folders;

namespace Pedigree.Storage;

/// <summary>Finds the store that a person means.</summary>
public static class Store
{
    /// <summary>Opens a store; nothing is read or made yet.</summary>
    /// <param name="address">A folder.</param>
    public static IStore Open(string address) => new FolderStore(address);
}
