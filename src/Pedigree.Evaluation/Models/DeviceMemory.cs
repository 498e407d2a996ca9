using System.Runtime.InteropServices;
using Pedigree.Evaluation.Residents;
using Pedigree.Weights;

namespace Pedigree.Evaluation.Models;

/// <summary>What to do where a device's memory does not suffice.</summary>
internal static class DeviceMemory
{
    /// <summary>libtorch says so in words: on CUDA "out of memory", on a CPU "can't allocate memory".</summary>
    public static bool IsExhausted(Exception error) => error is OutOfMemoryException || error is ExternalException
        && (error.Message.Contains("out of memory", StringComparison.OrdinalIgnoreCase)
            || error.Message.Contains("can't allocate memory", StringComparison.OrdinalIgnoreCase));

    /// <summary>
    /// Loads a model; where there is no room for it once more, after those were freed that stay on the GPU unused.
    /// </summary>
    /// <exception cref="UnavailableException">There is no room then either.</exception>
    public static T Load<T>(string address, Func<T> load)
    {
        try
        {
            return load();
        }
        catch (Exception error) when (IsExhausted(error))
        {
            ResidentModels.OfThisMachine?.FreeUnused();
            GC.Collect(); // Tensors of what was half loaded.
            GC.WaitForPendingFinalizers();
        }
        try
        {
            return load();
        }
        catch (Exception error) when (IsExhausted(error))
        {
            throw new UnavailableException(
                address, null, $"has no room in the memory that it is to be computed in ({error.Message.Split('\n')[0]}); "
                    + "free some, or take a larger device", error);
        }
    }
}
