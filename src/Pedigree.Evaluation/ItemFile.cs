using Parquet.Serialization;
using Pedigree.Weights;

namespace Pedigree.Evaluation;

/// <summary>Answers item by item as a Parquet file.</summary>
public static class ItemFile
{
    /// <summary>The bytes of a file of these rows.</summary>
    public static async Task<byte[]> WriteAsync(IReadOnlyList<ItemRow> rows, CancellationToken cancellation = default)
    {
        using var file = new MemoryStream();
        await ParquetSerializer.SerializeAsync(rows, file, cancellationToken: cancellation);
        return file.ToArray();
    }

    /// <summary>The rows of a file.</summary>
    /// <param name="content">Its bytes.</param>
    /// <param name="address">What errors call it.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="BadInputException">It is not as it was written.</exception>
    public static async Task<IReadOnlyList<ItemRow>> ReadAsync(
        byte[] content, string address, CancellationToken cancellation = default)
    {
        try
        {
            return [.. (await ParquetSerializer.DeserializeAsync<ItemRow>(
                new MemoryStream(content), cancellationToken: cancellation)).Data];
        }
        catch (Exception error) when (error is not (OperationCanceledException or OutOfMemoryException))
        {
            throw new BadInputException(address, null,
                $"is not a Parquet file as it was written ({error.Message}); "
                + "remove it and the score beside it, and they are computed again");
        }
    }
}
