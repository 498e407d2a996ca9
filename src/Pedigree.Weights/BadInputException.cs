namespace Pedigree.Weights;

/// <summary>
/// Input that a person must mend: names the file (with line, or tensor and byte, where known), the field, and what would be
/// right. Commands turn it into exit code 2, the API into a problem document.
/// </summary>
public class BadInputException(string file, string? field, string message, Exception? inner = null)
    : Exception(field is null ? $"{file}: {message}" : $"{file}: {field}: {message}", inner)
{
    /// <summary>The file or folder at fault.</summary>
    public string File { get; } = file;

    /// <summary>The key, tensor or option at fault; null where the whole file is.</summary>
    public string? Field { get; } = field;

    /// <summary>What is wrong and what would be right.</summary>
    public string Reason { get; } = message;
}
