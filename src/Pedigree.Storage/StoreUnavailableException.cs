using Pedigree.Weights;

namespace Pedigree.Storage;

/// <summary>A store cannot be reached now; the same may succeed later.</summary>
public sealed class StoreUnavailableException(string address, string message, Exception? inner = null)
    : UnavailableException(address, null, $"{message}; run the same command again once it can", inner);
