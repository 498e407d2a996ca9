namespace Pedigree.Workflow.Audit;

/// <summary>Something made again is not what was recorded.</summary>
internal sealed class DifferenceException(string place, string? field, string message)
    : Exception($"{place}: {(field is null ? "" : $"{field}: ")}{message}");
