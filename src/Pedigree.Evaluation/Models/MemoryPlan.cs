using System.Globalization;
using System.Numerics;
using TorchSharp;

namespace Pedigree.Evaluation.Models;

/// <summary>How many tokens can be computed together in the memory that a device has left.</summary>
internal static class MemoryPlan
{
    /// <summary>A power of two, so that a little more or less of free memory makes no other batches; at least 1.</summary>
    /// <param name="config">The model.</param>
    /// <param name="elementSize">Bytes of a number.</param>
    /// <param name="length">Tokens of the longest row: what a token attends to takes memory too.</param>
    /// <param name="memory">Bytes that they may take.</param>
    public static int Tokens(TransformerConfig config, int elementSize, int length, long memory) =>
        1 << Math.Min(30, BitOperations.Log2((ulong)Math.Max(1, memory / BytesPerToken(config, elementSize, length))));

    /// <summary>What a token takes while a layer is computed, and its keys and values in all layers.</summary>
    public static long BytesPerToken(TransformerConfig config, int elementSize, int length)
    {
        long heads = config.Heads * config.HeadWidth, keys = config.KeyValueHeads * config.HeadWidth;
        // The stream, normalised in float32 and not; queries, keys repeated for every head, and what each becomes when turned.
        var layer = elementSize * (4L * config.Width + 8 * heads + 4 * keys + 3L * config.FeedForwardWidth)
            + 3L * sizeof(float) * config.Width;
        var cache = 2L * elementSize * keys * config.Layers.Count;
        // A mask is made of a few truths; with a cap the scores themselves are held.
        var attended = length * (elementSize + 4L + (config.AttentionCap is null ? 0 : 4L * sizeof(float) * config.Heads));
        return layer + cache + attended;
    }

    /// <summary>
    /// Half of what a device has free, since others want some too and an estimate is only that; null where it does not say.
    /// </summary>
    public static long? Available(torch.Device device) =>
        (device.type == DeviceType.CUDA ? Cuda.FreeMemory(device.index) : FreeHere()) / 2;

    private static long FreeHere()
    {
        // The limit of a container is among what the runtime knows; what other programs have left is not.
        var limit = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        var available = !OperatingSystem.IsLinux() ? null
            : File.ReadLines("/proc/meminfo")
                .FirstOrDefault(line => line.StartsWith("MemAvailable:", StringComparison.Ordinal))
                ?.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
        return available is null
            ? limit - Environment.WorkingSet
            : Math.Min(limit, 1024 * long.Parse(available, CultureInfo.InvariantCulture));
    }
}
